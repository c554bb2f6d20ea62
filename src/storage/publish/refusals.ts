import { equalJitterMs } from '../../backoff.js';
import type { SidepipeError } from '../../errors.js';
import type { UploadKind } from './queue/queue.js';
import type { PublisherSettings } from './settings.js';

/** An upload that was refused. */
export interface Refusable {
  readonly kind: UploadKind;
  readonly stream: string;
  readonly order: number;
  readonly bytes: number;
  readonly key: string | undefined;
  readonly attempts: number;
}

interface Reported {
  readonly kind: UploadKind | 'lease';
  readonly stream: string;
  readonly key: string | undefined;
  readonly bytes: number;
}

interface Refusal {
  readonly error: SidepipeError;
  readonly episode: Episode;
  /** It is currently queued or being uploaded. */
  trying: boolean;
  notBefore: number;
}

/** One kind of error response, from the first refusal until a while after the last. */
interface Episode {
  readonly cause: string;
  readonly since: number;
  /** Uploads, and the names of streams whose lease is refused. */
  readonly works: Set<Refusable | string>;
  /** What it has refused, even if nothing of that waits any more. */
  readonly kinds: Set<Reported['kind']>;
  refused: number;
  cancelTimer: (() => void) | undefined;
}

export interface RefusalsOptions<W extends Refusable> {
  readonly store: string;
  readonly settings: PublisherSettings;
  /** It is time for another attempt. */
  readonly retry: (work: W) => void;
}

const media: readonly UploadKind[] = ['init', 'segment'];

/**
 * Uploads that the store refuses while it may accept others: a proxy limits the size of bodies, a firewall rejects one. They do not load the
 * store: at growing intervals a few of them are tried, of the size that was refused. When one of a kind succeeds, the others of that kind
 * follow. Each cause is logged once when it starts and once when it is over.
 */
export class Refusals<W extends Refusable> {
  readonly #options: RefusalsOptions<W>;
  /** The least recently tried one first. */
  readonly #refusals = new Map<W, Refusal>();
  readonly #episodes = new Map<string, Episode>();
  /** Leases, by stream: their keepers retry them. */
  readonly #leases = new Map<string, { readonly error: SidepipeError; readonly episode: Episode }>();
  #trials = 0;
  #cancelTrial: (() => void) | undefined;
  #mediaSince: number | undefined;
  /** Size of the largest segment that was refused and then moved to another store. */
  #unproven = 0;

  constructor(options: RefusalsOptions<W>) {
    this.#options = options;
  }

  /** Why the stream's newest refused upload was refused; undefined if there is none. */
  errorOf(stream: string): SidepipeError | undefined {
    let error: SidepipeError | undefined;
    for (const [work, refusal] of this.#refusals) if (work.stream === stream) error = refusal.error;
    return error ?? this.#leases.get(stream)?.error;
  }

  /** The stream's lease could not be written although the store may accept other objects; undefined: it was written. */
  lease(stream: string, error: SidepipeError | undefined): void {
    const before = this.#leases.get(stream);
    this.#leases.delete(stream);
    if (error !== undefined) {
      const key = typeof error.details['key'] === 'string' ? error.details['key'] : undefined;
      const episode = this.#episodeOf({ kind: 'lease', stream, key, bytes: 0 }, error);
      if (before !== undefined && before.episode !== episode) this.#leave(stream, before.episode);
      this.#leases.set(stream, { error, episode });
      episode.works.add(stream);
      episode.refused += 1;
    } else if (before !== undefined) this.#leave(stream, before.episode);
  }

  /** Since when segments are refused and none is accepted. Milliseconds since the epoch. */
  get mediaSince(): number | undefined {
    return this.#mediaSince;
  }

  /** A size that this store refused before another came into use; 0 if there is none. */
  get unprovenBytes(): number {
    return this.#unproven;
  }

  /** An object of `unprovenBytes` was accepted. */
  proven(): void {
    this.#unproven = 0;
    this.#mediaSince = undefined;
  }

  /** Whether an upload of this kind is refused for the same reason. */
  knows(kind: UploadKind, error: SidepipeError): boolean {
    const works = this.#episodes.get(causeOf(error))?.works ?? [];
    for (const work of works) if (typeof work !== 'string' && work.kind === kind) return true;
    return false;
  }

  /** It was refused, for the first time or again. */
  add(work: W, error: SidepipeError): void {
    const { settings } = this.#options;
    const { clock, timing, random } = settings;
    const before = this.#refusals.get(work);
    const episode = this.#episodeOf(work, error);
    if (before !== undefined && before.episode !== episode) this.#leave(work, before.episode);
    const wait = { failures: work.attempts, baseMs: timing.retryBaseMs, capMs: timing.retryCapMs, random: random() };
    const notBefore = clock.now() + equalJitterMs(wait);
    // Moves to the end of the order of attempts.
    this.#refusals.delete(work);
    this.#refusals.set(work, { error, episode, trying: false, notBefore });
    episode.works.add(work);
    episode.refused += 1;
    if (media.includes(work.kind)) this.#mediaSince ??= clock.now();
    this.#armTrial();
  }

  /** An upload of this kind and size succeeded, so others of at most this size are likely to succeed now. */
  accepted({ kind, bytes }: Pick<Refusable, 'kind' | 'bytes'>): void {
    if (kind === 'segment' && !this.#holds('init')) this.#mediaSince = undefined;
    if (this.#refusals.size === 0) return;
    const now = this.#options.settings.clock.now();
    for (const [work, refusal] of this.#refusals) {
      if (work.kind !== kind || refusal.trying || now < refusal.notBefore) continue;
      if (!isAboutSize(refusal.error) || work.bytes <= bytes) this.#try(work, refusal);
    }
  }

  /** It is stored, or no longer needed. */
  remove(work: W): void {
    const refusal = this.#refusals.get(work);
    if (refusal === undefined) return;
    this.#refusals.delete(work);
    if (this.#unproven === 0 && !media.some((kind) => this.#holds(kind))) this.#mediaSince = undefined;
    this.#leave(work, refusal.episode);
  }

  /** Like `remove`, because it moves to another store: whether this one accepts its size remains unknown. */
  abandon(work: W): void {
    const refusal = this.#refusals.get(work);
    if (refusal !== undefined && media.includes(work.kind)) this.#unproven = Math.max(this.#unproven, work.bytes);
    this.remove(work);
  }

  /** An operator may have removed the cause. */
  tryNow(): void {
    this.#trials = 0;
    this.#cancelTrial?.();
    this.#cancelTrial = undefined;
    this.#trial();
  }

  close(): void {
    this.#cancelTrial?.();
    for (const { cancelTimer } of this.#episodes.values()) cancelTimer?.();
  }

  #holds(kind: UploadKind): boolean {
    for (const work of this.#refusals.keys()) if (work.kind === kind) return true;
    return false;
  }

  #armTrial(): void {
    if (this.#cancelTrial !== undefined || this.#refusals.size === 0) return;
    const { clock, timing, random } = this.#options.settings;
    this.#trials += 1;
    const waitMs = equalJitterMs({ failures: this.#trials, baseMs: 1000, capMs: timing.trialCapMs, random: random() });
    this.#cancelTrial = clock.after(waitMs, () => {
      this.#cancelTrial = undefined;
      this.#trial();
    });
  }

  /** Of each kind: the least recently tried one, the first in order, which may delay others, and the smallest. */
  #trial(): void {
    const chosen = new Map<UploadKind, { longest: W; first: W; smallest: W }>();
    for (const [work, { trying }] of this.#refusals) {
      if (trying) continue;
      const kind = chosen.get(work.kind);
      if (kind === undefined) chosen.set(work.kind, { longest: work, first: work, smallest: work });
      else {
        if (work.order < kind.first.order) kind.first = work;
        if (work.bytes < kind.smallest.bytes) kind.smallest = work;
      }
    }
    for (const { longest, first, smallest } of chosen.values()) {
      for (const work of new Set([longest, first, smallest])) this.#try(work, this.#refusals.get(work)!);
    }
    this.#armTrial();
  }

  #try(work: W, refusal: Refusal): void {
    refusal.trying = true;
    this.#options.retry(work);
  }

  #episodeOf(work: Reported, error: SidepipeError): Episode {
    const { settings, store } = this.#options;
    const cause = causeOf(error);
    const known = this.#episodes.get(cause) ?? this.#likelyEpisode(work.kind, error);
    if (known !== undefined) {
      known.cancelTimer?.();
      known.cancelTimer = undefined;
      known.kinds.add(work.kind);
      return known;
    }
    const now = settings.clock.now();
    const kinds = new Set([work.kind]);
    const episode: Episode = { cause, since: now, works: new Set(), kinds, refused: 0, cancelTimer: undefined };
    if (this.#episodes.size === 0) this.#trials = 0;
    this.#episodes.set(cause, episode);
    const { status, vendorCode, remedy } = error.details;
    settings.log({
      level: 'error',
      event: 'uploads-refused',
      stream: work.stream,
      message: 'The store refuses objects that it should accept. They wait in memory and are retried.',
      details: {
        store,
        kind: work.kind,
        key: work.key ?? error.details['key'],
        bytes: work.bytes,
        status,
        vendorCode,
        remedy,
      },
      error,
    });
    return episode;
  }

  /** A proxy that rejects a body may close the connection before its response is read: that is the same problem. */
  #likelyEpisode(kind: Reported['kind'], { details }: SidepipeError): Episode | undefined {
    if (details['status'] !== undefined) return undefined;
    return [...this.#episodes.values()].find(({ kinds }) => kinds.has(kind));
  }

  #leave(work: W | string, episode: Episode): void {
    const { clock, timing } = this.#options.settings;
    episode.works.delete(work);
    if (episode.works.size > 0) return;
    if (this.#refusals.size === 0) {
      this.#trials = 0;
      this.#cancelTrial?.();
      this.#cancelTrial = undefined;
    }
    // Occasional refusals by a proxy count as one episode.
    episode.cancelTimer?.();
    episode.cancelTimer = clock.after(timing.quietMs, () => this.#over(episode));
  }

  #over({ cause, since, refused }: Episode): void {
    const { settings, store } = this.#options;
    this.#episodes.delete(cause);
    const seconds = Math.round((settings.clock.now() - settings.timing.quietMs - since) / 1000);
    settings.log({
      level: 'info',
      event: 'uploads-accepted',
      message: 'The store no longer refuses objects.',
      details: { store, cause, seconds, refused },
    });
  }
}

function causeOf({ details, code }: SidepipeError): string {
  return [details['status'], details['vendorCode'] ?? code].filter((part) => part !== undefined).join(' ');
}

function isAboutSize({ details }: SidepipeError): boolean {
  return details['status'] === 413 || details['vendorCode'] === 'EntityTooLarge';
}
