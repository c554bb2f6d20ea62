import { renderMediaPlaylist, type SegmentEntry } from '../../../src/hls/playlist.js';
import {
  createPublisher,
  type PublishEvent,
  type PublishMetric,
  type RenditionLane,
  type StorePublisher,
  type StorePublisherOptions,
  type StreamOptions,
  type StreamPublication,
} from '../../../src/storage/publisher.js';
import type { ObjectStore, StoredObject } from '../../../src/storage/store.js';
import { asGap, readPlaylist } from '../../../src/stream/uploads/uploads.js';
import type { FaultyStore } from '../../support/faulty-store.js';
import { createPlaylistChecker, type PlaylistChecker } from '../../support/playlist-check.js';
import type { VirtualClock } from '../../support/virtual-clock.js';

/** A small pseudo-random generator, so that a failing run can be repeated. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface StudioOptions extends Partial<StorePublisherOptions> {
  readonly store: ObjectStore;
  readonly clock: VirtualClock;
  readonly seed?: number;
}

/** A publisher in virtual time with its events and metrics kept. */
export function studio({ seed = 1, ...options }: StudioOptions): {
  publisher: StorePublisher;
  events: PublishEvent[];
  metrics: PublishMetric[];
} {
  const events: PublishEvent[] = [];
  const metrics: PublishMetric[] = [];
  tests.now = () => options.clock.now();
  const publisher = createPublisher({
    backlogBytes: 20_000_000,
    random: seeded(seed),
    log: (event) => events.push(event),
    observe: (metric) => {
      if (metric.type === 'upload' || metric.type === 'deleted' || metric.type === 'audited') metrics.push(metric);
    },
    ...options,
  });
  return { publisher, events, metrics };
}

const streamDefaults = { windowSegments: 6, targetDurationSeconds: 2, cleanup: 'delete' } as const;

/** The time of the newest `studio`, for shows that are not given another. */
const tests = { now: () => 0 };

export interface ShowOptions extends Partial<StreamOptions> {
  readonly name?: string;
  readonly session?: string;
  readonly bytes?: number;
  readonly multivariant?: boolean;
  readonly renditions?: readonly string[];
  /** The number of the first segment: nodes count from the time at which they start. */
  readonly first?: number;
  readonly now?: () => number;
  /** Keeps segments in memory, as a node does. */
  readonly remembers?: boolean;
}

/** One stream that makes segments when told to. */
export class Show {
  readonly publication: StreamPublication;
  /** Of the first rendition. */
  readonly lane: RenditionLane<SegmentEntry>;
  readonly lanes: ReadonlyMap<string, RenditionLane<SegmentEntry>>;
  readonly name: string;
  session: string;
  readonly bytes: number;
  /** Of the next segment, in its name and in the node's own playlist. */
  sequence: number;
  #discontinuitySequence = 0;
  #discontinuity = false;
  #endedAt = 0;
  readonly #remembers: boolean;
  readonly #made = new Map<string, StoredObject>();
  readonly #now: () => number;

  constructor(publisher: StorePublisher, options: ShowOptions = {}) {
    const { name = 'demo', session = 's1', bytes = 1000, multivariant = false, first = 0, ...rest } = options;
    const { renditions = ['source'], now = tests.now, remembers = false, ...stream } = rest;
    this.#remembers = remembers;
    this.name = name;
    this.session = session;
    this.bytes = bytes;
    this.sequence = first;
    this.#discontinuitySequence = Math.floor(first / 20);
    this.#now = now;
    const unusedNumbers = () => ({ mediaSequence: 1_000_000, discontinuitySequence: 50_000 });
    this.publication = publisher.stream({ ...streamDefaults, unusedNumbers, ...stream, name });
    const targetSeconds = stream.targetDurationSeconds ?? streamDefaults.targetDurationSeconds;
    const lanes = renditions.map((rendition) => {
      const lane = this.publication.rendition<SegmentEntry>({
        name: rendition,
        render: (list, state) =>
          textObject(
            `${name}/${rendition}/index.m3u8`,
            renderMediaPlaylist({
              ...state,
              targetDurationSeconds: Math.max(targetSeconds, state.targetDurationSeconds),
              ...(state.ended && state.whole ? { playlistType: 'VOD' as const } : {}),
              entries: list.map(({ entry, gap, numbers: { discontinuity } }) => ({
                ...entry,
                discontinuity,
                ...(gap && { gap }),
              })),
            }),
          ),
        recall: (key) => this.#made.get(key),
        read: (playlist) => readPlaylist(name, rendition, playlist),
        asGap,
      });
      return [rendition, lane] as const;
    });
    this.lanes = new Map(lanes);
    this.lane = lanes[0]![1];
    if (multivariant) {
      this.publication.multivariant(() => textObject(`${name}/index.m3u8`, '#EXTM3U\nsource/index.m3u8\n'));
    }
  }

  segment({ init, seconds = 2 }: { init?: string; seconds?: number } = {}): void {
    const file = `${this.session}-${this.sequence}.ts`;
    const programDateTime = Math.max(this.#endedAt, this.#now() - seconds * 1000);
    const discontinuity = this.#discontinuity;
    if (discontinuity) this.#discontinuitySequence += 1;
    for (const [rendition, lane] of this.lanes) {
      const key = `${this.name}/${rendition}/${file}`;
      const object = { key, body: Buffer.alloc(this.bytes, this.sequence), contentType: 'video/mp2t' };
      if (this.#remembers) this.#made.set(key, object);
      lane.append({
        object,
        ...(init && {
          init: { key: `${this.name}/${rendition}/${init}`, body: Buffer.alloc(700), contentType: 'video/mp4' },
        }),
        durationSeconds: seconds,
        entry: {
          ...{ uri: file, durationSeconds: seconds, programDateTime, discontinuity },
          ...(init && { initUri: init }),
        },
        position: {
          ...{ mediaSequence: this.sequence, programDateTime, discontinuity },
          discontinuitySequence: this.#discontinuitySequence,
        },
      });
    }
    this.#discontinuity = false;
    this.#endedAt = programDateTime + seconds * 1000;
    this.sequence += 1;
  }

  /** Another run of ffmpeg. */
  restart(session: string): void {
    this.session = session;
    this.#discontinuity = true;
  }

  /** `count` segments, one every `everyMs`. */
  async run(clock: VirtualClock, count: number, everyMs = 2000): Promise<void> {
    for (let i = 0; i < count; i += 1) {
      this.segment();
      await clock.advance(everyMs);
    }
  }
}

export function textObject(key: string, text: string): StoredObject {
  return { key, body: Buffer.from(text), contentType: 'application/vnd.apple.mpegurl' };
}

export interface ParsedPlaylist {
  readonly mediaSequence: number;
  readonly segments: readonly { readonly file: string; readonly gap: boolean; readonly sequence: number }[];
  readonly ended: boolean;
}

/** Reads a media playlist and refuses what RFC 8216 does not allow. Knows nothing of the publisher. */
export function parsePlaylist(text: string): ParsedPlaylist {
  const lines = text.split('\n').filter((line) => line !== '');
  if (lines[0] !== '#EXTM3U') throw new Error('not a playlist');
  const segments: { file: string; gap: boolean; sequence: number }[] = [];
  let mediaSequence = 0;
  let target = 0;
  let gap = false;
  let duration: number | undefined;
  let ended = false;
  for (const line of lines.slice(1)) {
    if (ended) throw new Error('something follows ENDLIST');
    if (line.startsWith('#EXT-X-MEDIA-SEQUENCE:')) mediaSequence = Number(line.slice(22));
    else if (line.startsWith('#EXT-X-TARGETDURATION:')) target = Number(line.slice(22));
    else if (line === '#EXT-X-GAP') gap = true;
    else if (line === '#EXT-X-ENDLIST') ended = true;
    else if (line.startsWith('#EXTINF:')) duration = Number.parseFloat(line.slice(8));
    else if (!line.startsWith('#')) {
      if (duration === undefined || Math.round(duration) > target) throw new Error(`bad duration of ${line}`);
      segments.push({ file: line, gap, sequence: mediaSequence + segments.length });
      gap = false;
      duration = undefined;
    }
  }
  if (segments.length === 0) throw new Error('an empty playlist');
  return { mediaSequence, segments, ended };
}

/** Checks each playlist the moment it is on the store: all that it lists can be read, and it never goes back. */
export class Witness {
  readonly problems: string[] = [];
  playlists = 0;
  gaps = 0;
  readonly sessions: string[] = [];
  readonly writtenAt = new Map<string, number[]>();
  readonly #store: FaultyStore;
  readonly #checkers = new Map<string, PlaylistChecker>();

  constructor(store: FaultyStore, clock: VirtualClock) {
    this.#store = store;
    store.onCommit = (key) => {
      if (!/-\d+\.ts$/.test(key)) this.writtenAt.set(key, [...(this.writtenAt.get(key) ?? []), clock.now()]);
      if (/^[^/]+\/[^/]+\/index\.m3u8$/.test(key)) this.#check(key);
    };
  }

  /** Every object now listed can be read: to be asked at any time. */
  check(key: string): void {
    const text = this.#store.text(key);
    if (text === undefined) return;
    for (const { file, gap } of parsePlaylist(text).segments) {
      const segment = key.replace('index.m3u8', file);
      if (!gap && this.#store.readable(segment) === undefined) this.problems.push(`${file} is listed and not readable`);
    }
  }

  /** Two writes of one key less than a second apart. */
  get hurried(): readonly string[] {
    return [...this.writtenAt]
      .filter(([, times]) => times.some((at, i) => i > 0 && at - times[i - 1]! < 980))
      .map(([key]) => key);
  }

  #check(key: string): void {
    this.playlists += 1;
    const entry = this.#store.objects.get(key)!;
    const text = Buffer.from(entry.body).toString('utf8');
    const playlist = parsePlaylist(text);
    const session = playlist.segments.at(-1)!.file.split('-')[0]!;
    if (this.sessions.at(-1) !== session) this.sessions.push(session);
    let checker = this.#checkers.get(key);
    if (checker === undefined) {
      checker = createPlaylistChecker({ mayReopen: true });
      this.#checkers.set(key, checker);
    }
    try {
      checker.check(text);
    } catch (error) {
      this.problems.push(`${String(error)}\n${text}`);
    }
    for (const { file, gap } of playlist.segments) {
      if (gap) this.gaps += 1;
      else if (this.#store.readable(key.replace('index.m3u8', file)) === undefined) {
        this.problems.push(`playlist ${this.playlists} lists ${file}, which is not readable`);
      }
    }
    for (const [, init] of text.matchAll(/#EXT-X-MAP:URI="([^"]+)"/g)) {
      if (this.#store.readable(key.replace('index.m3u8', init!)) === undefined)
        this.problems.push(`playlist ${this.playlists} needs ${init}, which is not readable`);
    }
  }
}
