import type { CallProblem } from './call.js';
import { call } from './call.js';
import type { Charts, History } from './charts.js';
import { find, make, setText } from './elements.js';
import { detailFacts, nextAttemptInWords, type Stats } from './facts.js';

interface Description {
  readonly source: { readonly url: string };
  readonly origin: string;
  readonly nextAttemptAt: string | null;
  readonly hls: { readonly resolution: string | null; readonly codecs: string | null };
  readonly storage: { readonly type: string; readonly store: string | null; readonly lastError: string | null };
}

interface Diagnosis {
  readonly stderr: readonly string[];
  readonly restarts: readonly {
    readonly at: string;
    readonly code: string;
    readonly message: string;
    readonly stderr: readonly string[];
  }[];
}

interface Rejected {
  readonly frames: readonly { readonly capturedAt: string; readonly verdict: string; readonly picture: string }[];
}

/** The part of the `/settings` response that the page reads. */
export interface DetailSettings {
  readonly settings: Readonly<Record<string, unknown>> & {
    readonly source: string;
    readonly hls: { readonly segmentSeconds: number };
  };
  readonly publish: { readonly rtmp: string | null; readonly rtmps: string | null } | null;
}

/** The details of the selected stream, while it is selected. */
export class Detail {
  readonly #name: string;
  readonly #root: HTMLElement;
  readonly #onProblem: (problem: CallProblem) => void;
  #charts: Charts | undefined;
  #closed = false;
  /** Stats that arrived before the history was loaded. */
  #early: { readonly stats: Stats; readonly at: number }[] = [];
  #last: Stats | undefined;
  #nextAttemptAt: string | null = null;

  constructor(name: string, root: HTMLElement, onProblem: (problem: CallProblem) => void) {
    this.#name = name;
    this.#root = root;
    this.#onProblem = onProblem;
    find<HTMLAnchorElement>(root, '[data-watch-link]').href = `watch/${encodeURIComponent(name)}`;
    void this.refresh();
  }

  /** Fetches everything that events do not contain completely. */
  async refresh(): Promise<void> {
    await Promise.all([this.restarted(), this.rejected(), this.#history(), this.#settings()]);
  }

  stats(stats: Stats, at: number): void {
    if (stats.state === 'live') this.#nextAttemptAt = null;
    this.#show({ ...detailFacts(stats), next: nextAttemptInWords(this.#nextAttemptAt, at * 1000) });
    if (this.#charts === undefined) this.#early = [...this.#early.slice(-9), { stats, at }];
    else this.#charts.add(stats, at);
    const before = this.#last;
    this.#last = stats;
    if (before === undefined) return;
    if (stats.thumbnail.rejected !== before.thumbnail.rejected) void this.rejected();
    const { failed, state } = before.upload;
    if (stats.upload.failed !== failed || stats.upload.state !== state) void this.described();
  }

  async described(): Promise<void> {
    const described = await this.#read<Description>('');
    if (described === undefined) return;
    const { source, origin, hls, storage } = described;
    this.#nextAttemptAt = described.nextAttemptAt;
    const media = [hls.resolution?.replace('x', ' × '), hls.codecs?.replaceAll(',', ', ')].filter(Boolean).join(', ');
    this.#show({
      source: source.url,
      media: media || '–',
      storage: storage.store ?? storage.type,
      storeError: storage.lastError ?? 'none',
    });
    const isConfigured = origin === 'config';
    for (const action of ['edit', 'delete', 'rotate']) {
      find<HTMLButtonElement>(this.#root, `[data-do="${action}"]`).disabled = isConfigured;
    }
    find(this.#root, '[data-configured]').hidden = !isConfigured;
  }

  async restarted(): Promise<void> {
    // For the time of the next attempt.
    void this.described();
    const diagnosis = await this.#read<Diagnosis>('/diagnosis');
    if (diagnosis === undefined) return;
    const { restarts, stderr } = diagnosis;
    find(this.#root, '[data-no-restarts]').hidden = restarts.length > 0;
    find(this.#root, '[data-restarts]').replaceChildren(...restarts.map(restartItem));
    setText(this.#root, '[data-stderr]', stderr.length === 0 ? 'No output.' : stderr.join('\n'));
  }

  async rejected(): Promise<void> {
    const frames = (await this.#read<Rejected>('/rejected'))?.frames;
    if (frames === undefined) return;
    find(this.#root, '[data-no-rejected]').hidden = frames.length > 0;
    find(this.#root, '[data-rejected]').replaceChildren(...frames.map(rejectedItem));
  }

  close(): void {
    this.#closed = true;
    this.#charts?.close();
  }

  async #history(): Promise<void> {
    const history = await this.#read<History>('/history');
    if (history === undefined) return;
    const place = find(this.#root, '[data-charts]');
    // Importing uPlot throws if the browser's language is invalid, such as in a kiosk with LANG=C.UTF-8.
    const module = await import('./charts.js').catch(() => undefined);
    if (this.#closed) return;
    if (module === undefined) {
      place.textContent = 'This browser cannot draw charts.';
      return;
    }
    this.#charts?.close();
    this.#charts = new module.Charts(place, history);
    for (const { stats, at } of this.#early.splice(0)) this.#charts.add(stats, at);
  }

  /** For push streams: the settings for OBS. */
  async #settings(): Promise<void> {
    const answer = await this.#read<DetailSettings>('/settings');
    if (answer === undefined) return;
    const { publish, settings } = answer;
    find(this.#root, '[data-obs]').hidden = publish === null;
    find(this.#root, '[data-do="rotate"]').hidden = publish === null;
    if (publish === null) return;
    find<HTMLInputElement>(this.#root, '[data-text="obs-server"]').value = publish.rtmp ?? publish.rtmps ?? '';
    setText(this.#root, '[data-obs-keyframes]', keyframesInWords(settings));
  }

  /** Undefined if the request was rejected, or the details were closed meanwhile. */
  async #read<T>(what: string): Promise<T | undefined> {
    const outcome = await call<T>('GET', `streams/${encodeURIComponent(this.#name)}${what}`);
    if (this.#closed) return undefined;
    if ('value' in outcome) return outcome.value;
    if (outcome.problem.status !== 404) this.#onProblem(outcome.problem);
    return undefined;
  }

  #show(facts: Readonly<Record<string, string>>): void {
    for (const [name, text] of Object.entries(facts)) setText(this.#root, `[data-fact="${name}"]`, text);
  }
}

/** Every segment starts with a keyframe, so the interval is at most the segment length. */
export function keyframesInWords({ hls }: DetailSettings['settings']): string {
  return `${Math.max(1, Math.min(2, Math.floor(hls.segmentSeconds)))} s`;
}

function restartItem({ at, code, message, stderr }: Diagnosis['restarts'][number]): HTMLElement {
  const head = make('p', '', timeElement(at), ' ', make('code', '', code), ' ', message);
  if (stderr.length === 0) return make('li', '', head);
  const log = make('pre', '', stderr.join('\n'));
  log.tabIndex = 0;
  return make('li', '', head, make('details', 'log', make('summary', '', 'Log'), log));
}

function rejectedItem({ capturedAt, verdict, picture }: Rejected['frames'][number]): HTMLElement {
  const image = document.createElement('img');
  image.src = picture;
  image.alt = `Rejected frame: ${verdict}`;
  return make('li', '', image, make('span', 'verdict', verdict), ' ', timeElement(capturedAt));
}

function timeElement(at: string): HTMLElement {
  const time = document.createElement('time');
  time.dateTime = at;
  time.textContent = new Date(at).toLocaleTimeString([], { hour12: false });
  return time;
}
