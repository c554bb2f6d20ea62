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

/** The answer of `/settings`, as far as the page reads it. */
export interface DetailSettings {
  readonly settings: Readonly<Record<string, unknown>> & {
    readonly source: string;
    readonly hls: { readonly segmentSeconds: number };
  };
  readonly publish: { readonly rtmp: string | null; readonly rtmps: string | null } | null;
}

/** All that is known of the selected stream, for as long as it is selected. */
export class Detail {
  readonly #name: string;
  readonly #root: HTMLElement;
  readonly #onProblem: (problem: CallProblem) => void;
  #charts: Charts | undefined;
  #closed = false;
  /** The newest stats, and those that came before the history. */
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

  /** Reads all that no event tells whole. */
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
    // When the next attempt is.
    void this.described();
    const diagnosis = await this.#read<Diagnosis>('/diagnosis');
    if (diagnosis === undefined) return;
    const { restarts, stderr } = diagnosis;
    find(this.#root, '[data-no-restarts]').hidden = restarts.length > 0;
    find(this.#root, '[data-restarts]').replaceChildren(...restarts.map(restartItem));
    setText(this.#root, '[data-stderr]', stderr.length === 0 ? 'Nothing was said.' : stderr.join('\n'));
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
    // uPlot throws while it is loaded where the browser's language is no language, as of a kiosk with LANG=C.UTF-8.
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

  /** Of streams of publishers: what goes into OBS. */
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

  /** Undefined when it was refused, or comes too late. */
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

/** A keyframe begins each segment: never rarer than segments. */
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
  image.alt = `Frame that was held back: ${verdict}`;
  return make('li', '', image, make('span', 'verdict', verdict), ' ', timeElement(capturedAt));
}

function timeElement(at: string): HTMLElement {
  const time = document.createElement('time');
  time.dateTime = at;
  time.textContent = new Date(at).toLocaleTimeString([], { hour12: false });
  return time;
}
