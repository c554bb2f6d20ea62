import {
  createPublisher,
  type PublishEvent,
  type Publisher,
  type PublisherOptions,
  type PublishMetric,
  type RenditionLane,
  type StreamOptions,
  type StreamPublication,
} from '../../../src/storage/publisher.js';
import type { ObjectStore, StoredObject } from '../../../src/storage/store.js';
import type { FaultyStore } from '../../support/faulty-store.js';
import type { VirtualClock } from '../../support/virtual-clock.js';

/** What the tests need to know of a segment. */
export interface Entry {
  readonly sequence: number;
  readonly file: string;
  readonly seconds: number;
}

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

export interface StudioOptions extends Partial<PublisherOptions> {
  readonly store: ObjectStore;
  readonly clock: VirtualClock;
  readonly seed?: number;
}

/** A publisher in virtual time with its events and metrics kept. */
export function studio({ seed = 1, ...options }: StudioOptions): {
  publisher: Publisher;
  events: PublishEvent[];
  metrics: PublishMetric[];
} {
  const events: PublishEvent[] = [];
  const metrics: PublishMetric[] = [];
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

/** One stream with one rendition that makes segments when told to. */
export class Show {
  readonly publication: StreamPublication;
  readonly lane: RenditionLane<Entry>;
  readonly name: string;
  readonly session: string;
  readonly bytes: number;
  sequence = 0;

  constructor(
    publisher: Publisher,
    options: { name?: string; session?: string; bytes?: number; multivariant?: boolean } & Partial<StreamOptions> = {},
  ) {
    const { name = 'demo', session = 's1', bytes = 1000, multivariant = false, ...stream } = options;
    this.name = name;
    this.session = session;
    this.bytes = bytes;
    this.publication = publisher.stream({ ...streamDefaults, ...stream, name });
    this.lane = this.publication.rendition<Entry>({
      name: 'source',
      render: (list, state) => renderPlaylist(`${name}/source/index.m3u8`, list, state),
    });
    if (multivariant) {
      this.publication.multivariant(() => textObject(`${name}/index.m3u8`, '#EXTM3U\nsource/index.m3u8\n'));
    }
  }

  segment({ init }: { init?: string } = {}): void {
    const file = `${this.session}-${this.sequence}.ts`;
    const key = `${this.name}/source/${file}`;
    this.lane.append({
      object: { key, body: Buffer.alloc(this.bytes, this.sequence), contentType: 'video/mp2t' },
      ...(init && { init: { key: `${this.name}/source/${init}`, body: Buffer.alloc(700), contentType: 'video/mp4' } }),
      durationSeconds: 2,
      entry: { sequence: this.sequence, file, seconds: 2 },
    });
    this.sequence += 1;
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

function renderPlaylist(
  key: string,
  list: readonly { readonly entry: Entry; readonly gap: boolean }[],
  { ended, whole }: { readonly ended: boolean; readonly whole: boolean },
): StoredObject {
  const lines = [
    '#EXTM3U',
    '#EXT-X-VERSION:8',
    '#EXT-X-TARGETDURATION:2',
    `#EXT-X-MEDIA-SEQUENCE:${list[0]?.entry.sequence ?? 0}`,
  ];
  if (whole) lines.push('#EXT-X-PLAYLIST-TYPE:VOD');
  for (const { entry, gap } of list) {
    if (gap) lines.push('#EXT-X-GAP');
    lines.push(`#EXTINF:${entry.seconds.toFixed(3)},`, entry.file);
  }
  if (ended) lines.push('#EXT-X-ENDLIST');
  return textObject(key, `${lines.join('\n')}\n`);
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
  readonly #last = new Map<string, ParsedPlaylist>();

  constructor(store: FaultyStore, clock: VirtualClock) {
    this.#store = store;
    store.onCommit = (key) => {
      if (!/-\d+\.ts$/.test(key)) this.writtenAt.set(key, [...(this.writtenAt.get(key) ?? []), clock.now()]);
      if (key.endsWith('/source/index.m3u8')) this.#check(key);
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
    const playlist = parsePlaylist(Buffer.from(entry.body).toString('utf8'));
    const before = this.#last.get(key);
    const session = playlist.segments[0]!.file.split('-')[0]!;
    if (this.sessions.at(-1) !== session) this.sessions.push(session);
    if (before?.segments[0]?.file.startsWith(`${session}-`)) {
      if (playlist.mediaSequence < before.mediaSequence) this.problems.push('the media sequence went back');
      const end = (list: ParsedPlaylist): number => list.mediaSequence + list.segments.length;
      if (end(playlist) < end(before)) this.problems.push('the end went back');
      const files = new Map(before.segments.map((segment) => [segment.sequence, segment]));
      for (const { sequence, file, gap } of playlist.segments) {
        const old = files.get(sequence);
        if (old && (old.file !== file || (old.gap && !gap))) this.problems.push(`segment ${sequence} changed`);
      }
    }
    for (const { file, gap } of playlist.segments) {
      if (gap) this.gaps += 1;
      else if (this.#store.readable(key.replace('index.m3u8', file)) === undefined) {
        this.problems.push(`playlist ${this.playlists} lists ${file}, which is not readable`);
      }
    }
    this.#last.set(key, playlist);
  }
}
