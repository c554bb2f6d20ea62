import type { StreamConfig } from '../config/schema.js';
import { renderMediaPlaylist, type SegmentEntry } from '../hls/playlist.js';
import { cacheControlOf, contentTypeOf, multivariantKey, playlistKey, segmentKey } from '../storage/keys.js';
import type {
  PublicationStatus,
  Publisher,
  RenditionLane,
  RenditionOptions,
  StillEntry,
  StillLane,
  StreamPublication,
} from '../storage/publish/types.js';
import type { StoredObject } from '../storage/store.js';
import type { HlsOutput, ListedSegment } from './hls-output.js';
import { PictureUploads } from './picture-uploads.js';

/** What the playlist on the store needs to know of a segment. */
interface RemoteEntry {
  readonly entry: SegmentEntry;
  readonly mediaSequence: number;
  /** Of the playlist that would begin with this segment. */
  readonly discontinuitySequence: number;
}

/** A playlist on the store that is further behind is told of in the log, too. */
const LATE_TARGET_DURATIONS = 4;

export interface StreamUploadsOptions {
  readonly config: StreamConfig;
  readonly publisher: Publisher;
  readonly cleanup: 'delete' | 'keep';
  readonly hls: HlsOutput;
}

/** One stream's way to the object store: joins its segments and pictures with the publisher and gives them their keys. */
export class StreamUploads {
  readonly pictures: PictureUploads;
  readonly #options: StreamUploadsOptions;
  readonly #publication: StreamPublication;
  readonly #lanes: ReadonlyMap<string, RenditionLane<RemoteEntry>>;
  readonly #stills: StillLane | undefined;
  #targetDurationSeconds: number;

  constructor(options: StreamUploadsOptions) {
    const { config, publisher, cleanup, hls } = options;
    this.#options = options;
    this.#targetDurationSeconds = Math.max(1, Math.round(config.hls.segmentSeconds));
    this.#publication = publisher.stream({
      name: config.name,
      windowSegments: Math.max(config.hls.windowSegments, enoughSegments(config.hls.segmentSeconds)),
      targetDurationSeconds: this.#targetDurationSeconds,
      cleanup,
    });
    const { sequence, formats } = config.thumbnail;
    if (sequence.mode !== 'latest') {
      const { name, ...kept } = sequence;
      this.#stills = this.#publication.stills({ ...kept, naming: name, format: formats[0] ?? 'jpg' });
    }
    this.pictures = new PictureUploads({ config, cleanup, publication: this.#publication, stills: this.#stills });
    const lanes = hls.renditions.map((name) => {
      const render: RenditionOptions<RemoteEntry>['render'] = (list, state) => this.#playlist(name, list, state);
      return [name, this.#publication.rendition<RemoteEntry>({ name, render })] as const;
    });
    this.#lanes = new Map(lanes);
  }

  /** What is on the store of the sequence, the oldest first; undefined where none is kept. */
  stills(): readonly StillEntry[] | undefined {
    return this.#stills?.list();
  }

  status(): PublicationStatus {
    return this.#publication.status();
  }

  /** What keeps the stream from being watched from the store as it is here, in words; undefined when nothing does. */
  notReady(): string | undefined {
    const { state, playlistLagSeconds, lastError } = this.status();
    const why = lastError === null ? '' : `: ${lastError.message}`;
    if (state === 'standby') return 'another node publishes it to the store';
    if (state === 'waiting') return `the store has not answered${why}`;
    const isLate = (playlistLagSeconds ?? 0) > LATE_TARGET_DURATIONS * this.#targetDurationSeconds;
    return isLate ? `the playlist on the store is ${playlistLagSeconds?.toFixed(0)} s behind${why}` : undefined;
  }

  segment(segment: ListedSegment): void {
    const { rendition, file, body, init, entry, mediaSequence, discontinuitySequence } = segment;
    // Pictures are of all renditions, so one tells when they were.
    if (rendition === this.#options.hls.renditions[0]) this.pictures.segment(segment);
    const object = this.#media(rendition, file, body);
    // RFC 8216bis 4.4.3.1: no listed segment, rounded, may be longer than the target duration.
    this.#targetDurationSeconds = Math.max(this.#targetDurationSeconds, Math.round(entry.durationSeconds));
    this.#lanes.get(rendition)?.append({
      object,
      durationSeconds: entry.durationSeconds,
      entry: { entry, mediaSequence, discontinuitySequence },
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

  /** No segment will follow: the playlist on the store says so once all that came before is there. */
  end(): void {
    for (const lane of this.#lanes.values()) lane.end();
  }

  close(deadlineMs: number): Promise<void> {
    return this.#publication.close({ deadlineMs });
  }

  #playlist(
    rendition: string,
    list: readonly { readonly entry: RemoteEntry; readonly gap: boolean }[],
    { ended, whole }: { readonly ended: boolean; readonly whole: boolean },
  ): StoredObject {
    const first = list[0]?.entry;
    const body = renderMediaPlaylist({
      targetDurationSeconds: this.#targetDurationSeconds,
      mediaSequence: first?.mediaSequence ?? 0,
      discontinuitySequence: first?.discontinuitySequence ?? 0,
      ended,
      ...(ended && whole ? { playlistType: 'VOD' as const } : {}),
      entries: list.map(({ entry, gap }) => (gap ? { ...entry.entry, gap } : entry.entry)),
    });
    return this.#text(playlistKey(this.#options.config.name, rendition), 'playlist', body);
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

/** RFC 8216bis 6.2.2: what is left when a segment is removed must last three target durations. One more, as none is exact. */
function enoughSegments(segmentSeconds: number): number {
  return Math.ceil((3 * Math.max(1, Math.round(segmentSeconds))) / segmentSeconds) + 1;
}
