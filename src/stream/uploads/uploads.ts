import type { StreamConfig } from '../../config/schema/schema.js';
import { parseMediaPlaylist } from '../../hls/parse.js';
import { renderMediaPlaylist, type SegmentEntry } from '../../hls/playlist.js';
import {
  cacheControlOf,
  contentTypeOf,
  multivariantKey,
  parseKey,
  playlistKey,
  segmentKey,
} from '../../storage/keys.js';
import type { FoundPlaylist } from '../../storage/publish/lease/takeover.js';
import type {
  PlaylistState,
  PublicationStatus,
  RenditionLane,
  RenditionUploadOptions,
  StillEntry,
  StillLane,
  StorePublisher,
  StreamPublication,
} from '../../storage/publish/types.js';
import type { StoredObject } from '../../storage/store.js';
import { firstNumbers, type HlsOutput, type ListedSegment } from '../hls/hls-output.js';
import type { NotReady } from '../readiness.js';
import { PictureUploads, type PictureUploadsOptions } from './picture-uploads.js';

/** If the playlist on the store is further behind, that is logged too. */
const LATE_TARGET_DURATIONS = 4;

export interface StreamUploadsOptions {
  readonly config: StreamConfig;
  readonly publisher: StorePublisher;
  readonly cleanup: 'delete' | 'keep';
  readonly hls: HlsOutput;
  readonly images: PictureUploadsOptions['images'];
  /** Steady time. */
  readonly now: () => number;
}

/** Uploads one stream: passes its segments and images to the publisher, and determines their keys. */
export class StreamUploads {
  readonly pictures: PictureUploads;
  readonly #options: StreamUploadsOptions;
  readonly #publication: StreamPublication;
  readonly #lanes: ReadonlyMap<string, RenditionLane<SegmentEntry>>;
  readonly #stills: StillLane | undefined;
  #targetDurationSeconds: number;

  constructor(options: StreamUploadsOptions) {
    const { config, publisher, cleanup, hls, images, now } = options;
    this.#options = options;
    this.#targetDurationSeconds = Math.max(1, Math.round(config.hls.segmentSeconds));
    this.#publication = publisher.stream({
      name: config.name,
      windowSegments: Math.max(config.hls.windowSegments, enoughSegments(config.hls.segmentSeconds)),
      targetDurationSeconds: this.#targetDurationSeconds,
      cleanup,
      unusedNumbers: () => firstNumbers(now()),
    });
    const { sequence, formats } = config.thumbnail;
    if (sequence.mode !== 'latest') {
      const { name, ...kept } = sequence;
      this.#stills = this.#publication.stills({ ...kept, naming: name, format: formats[0] ?? 'jpg' });
    }
    this.pictures = new PictureUploads({
      ...{ config, images, cleanup, publication: this.#publication, stills: this.#stills },
    });
    const lanes = hls.renditions.map((name) => {
      const lane: RenditionUploadOptions<SegmentEntry> = {
        name,
        render: (list, state) => this.#playlist(name, list, state),
        read: (playlist) => readPlaylist(config.name, name, playlist),
        recall: (key) => this.#recall(name, key),
        asGap: (entry, before) => asGap(entry, before),
      };
      return [name, this.#publication.rendition(lane)] as const;
    });
    this.#lanes = new Map(lanes);
  }

  /** The stills on the store, oldest first; undefined if none are kept. */
  stills(): readonly StillEntry[] | undefined {
    return this.#stills?.list();
  }

  status(): PublicationStatus {
    return this.#publication.status();
  }

  /** Why the stream cannot be watched from the store; undefined if it can. */
  notReady(): NotReady | undefined {
    const { state, playlistLagSeconds, lastError } = this.status();
    const detail = lastError?.message;
    if (state === 'standby') return { reason: 'another node publishes this stream to the store' };
    if (state === 'idle') return { reason: 'nothing published to the store yet' };
    if (state === 'waiting') return { reason: 'no response from the store yet', detail };
    if (state === 'losing') return { reason: 'segments were lost on the way to the store', detail };
    const isLate = (playlistLagSeconds ?? 0) > LATE_TARGET_DURATIONS * this.#targetDurationSeconds;
    if (!isLate) return undefined;
    if (state === 'refused') return { reason: 'the store rejects objects of this stream', detail };
    return { reason: `the playlist on the store is ${playlistLagSeconds?.toFixed(0)} s behind`, detail };
  }

  segment(segment: ListedSegment): void {
    const { rendition, file, body, init, entry, mediaSequence, discontinuitySequence } = segment;
    // Images cover all renditions, so one rendition determines their dates.
    if (rendition === this.#options.hls.renditions[0]) this.pictures.segment(segment);
    const object = this.#media(rendition, file, body);
    // RFC 8216bis 4.4.3.1: no listed segment, rounded, may be longer than the target duration.
    this.#targetDurationSeconds = Math.max(this.#targetDurationSeconds, Math.round(entry.durationSeconds));
    const { durationSeconds, programDateTime, discontinuity } = entry;
    this.#lanes.get(rendition)?.append({
      ...{ object, durationSeconds, entry },
      position: {
        ...{ mediaSequence, programDateTime, discontinuity },
        // The node's own number is that of a playlist that starts with this segment.
        discontinuitySequence: discontinuitySequence + (discontinuity ? 1 : 0),
      },
      ...(init === undefined ? {} : { init: this.#media(rendition, init.file, init.body) }),
    });
  }

  multivariant(): void {
    const { config, hls } = this.#options;
    this.#publication.multivariant(() => {
      const text = hls.multivariant()?.body;
      return text === undefined ? undefined : this.#text(multivariantKey(config.name), 'multivariant', text);
    });
  }

  /** No segment will follow: the playlist on the store says so once everything before has been uploaded. */
  end(): void {
    for (const lane of this.#lanes.values()) lane.end();
  }

  /** No segment of this node will follow, but the stream continues: no end is written. */
  pause(): void {
    for (const lane of this.#lanes.values()) lane.pause();
  }

  close(deadlineMs: number): Promise<void> {
    return this.#publication.close({ deadlineMs });
  }

  #playlist(
    rendition: string,
    list: Parameters<RenditionUploadOptions<SegmentEntry>['render']>[0],
    { ended, whole, mediaSequence, discontinuitySequence, targetDurationSeconds }: PlaylistState,
  ): StoredObject {
    const body = renderMediaPlaylist({
      targetDurationSeconds: Math.max(this.#targetDurationSeconds, targetDurationSeconds),
      ...{ mediaSequence, discontinuitySequence, ended },
      ...(ended && whole ? { playlistType: 'VOD' as const } : {}),
      entries: list.map(({ entry, gap, numbers: { discontinuity } }) => ({
        ...entry,
        discontinuity,
        ...(gap && { gap }),
      })),
    });
    return this.#text(playlistKey(this.#options.config.name, rendition), 'playlist', body);
  }

  /** A segment that the node's own window still has. */
  #recall(rendition: string, key: string): StoredObject | undefined {
    const file = key.slice(key.lastIndexOf('/') + 1);
    const resource = this.#options.hls.segment(rendition, file);
    return resource && this.#media(rendition, file, resource.body);
  }

  #media(rendition: string, file: string, body: Uint8Array): StoredObject {
    const key = segmentKey(this.#options.config.name, rendition, file);
    return { key, body, contentType: contentTypeOf(key), cacheControl: cacheControlOf('segment', 0) };
  }

  #text(key: string, kind: 'playlist' | 'multivariant', text: string): StoredObject {
    const cacheControl = cacheControlOf(kind, this.#targetDurationSeconds);
    return { key, body: new TextEncoder().encode(text), contentType: contentTypeOf(key), cacheControl };
  }
}

/** Longer than any segment of a live stream. */
const LONGEST_SEGMENT_SECONDS = 3600;
/** Initialization segments of a run that changes them are numbered from 2 on. */
const INIT_FILE = /^[A-Za-z0-9]{1,64}-init(?:-\d{1,9})?\.mp4$/;

/** Parses a playlist that another node or program left on the store. Undefined if its numbers are unknown. Pure. */
export function readPlaylist(
  stream: string,
  rendition: string,
  body: Uint8Array,
): FoundPlaylist<SegmentEntry> | undefined {
  const playlist = parseMediaPlaylist(new TextDecoder().decode(body));
  if (playlist === undefined) return undefined;
  const { mediaSequence, discontinuitySequence, targetDurationSeconds, ended, isIndependent, entries } = playlist;
  const isWhole = entries.every(({ sequence }, index) => sequence === mediaSequence + index);
  // The number of unparsable entries is unknown.
  if (!isWhole || playlist.segments !== entries.length || playlist.hasBadNumber) return undefined;
  const segments = entries.map(({ uri, durationSeconds, programDateTime, discontinuity, initUri, gap }) => ({
    entry: {
      ...{ uri, durationSeconds, discontinuity, programDateTime: programDateTime ?? 0 },
      ...(initUri !== undefined && { initUri }),
      ...(!isIndependent && { isIndependent }),
    },
    key: segmentKey(stream, rendition, uri),
    initKey: initUri === undefined ? undefined : segmentKey(stream, rendition, initUri),
    ...{ durationSeconds, programDateTime, discontinuity, gap },
  }));
  const isOurs = segments.every(
    ({ key, entry: { initUri }, durationSeconds, programDateTime }) =>
      parseKey(key)?.kind === 'segment' &&
      (initUri === undefined || INIT_FILE.test(initUri)) &&
      durationSeconds <= LONGEST_SEGMENT_SECONDS &&
      programDateTime !== undefined,
  );
  return { mediaSequence, discontinuitySequence, targetDurationSeconds, ended, segments, isOurs };
}

/** A gap has no initialization segment of its own, and EXT-X-MAP cannot be undone, so that of the previous entry applies. */
export function asGap({ initUri: _, ...entry }: SegmentEntry, before: SegmentEntry | undefined): SegmentEntry {
  return before?.initUri === undefined ? entry : { ...entry, initUri: before.initUri };
}

/** RFC 8216bis 6.2.2: after removing a segment, three target durations must remain. One more, because durations are not exact. */
function enoughSegments(segmentSeconds: number): number {
  return Math.ceil((3 * Math.max(1, Math.round(segmentSeconds))) / segmentSeconds) + 1;
}
