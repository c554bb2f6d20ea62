import type { StreamConfig } from '../config/schema.js';
import { renderMediaPlaylist, type SegmentEntry } from '../hls/playlist.js';
import {
  cacheControlOf,
  contentTypeOf,
  multivariantKey,
  playlistKey,
  segmentKey,
  thumbnailKey,
} from '../storage/keys.js';
import type { PublicationStatus, Publisher, RenditionLane, StreamPublication } from '../storage/publish/types.js';
import type { StoredObject } from '../storage/store.js';
import type { HlsOutput, ListedSegment } from './hls-output.js';
import type { ImageFormat, ImageResource } from './types.js';

/** What the playlist on the store needs to know of a segment. */
interface RemoteEntry {
  readonly entry: SegmentEntry;
  readonly mediaSequence: number;
  /** Of the playlist that would begin with this segment. */
  readonly discontinuitySequence: number;
}

export interface StreamUploadsOptions {
  readonly config: StreamConfig;
  readonly publisher: Publisher;
  readonly cleanup: 'delete' | 'keep';
  readonly hls: HlsOutput;
}

/** One stream's way to the object store: joins its segments and pictures with the publisher and gives them their keys. */
export class StreamUploads {
  readonly #options: StreamUploadsOptions;
  readonly #publication: StreamPublication;
  readonly #lane: RenditionLane<RemoteEntry>;
  #targetDurationSeconds: number;

  constructor(options: StreamUploadsOptions) {
    const { config, publisher, cleanup, hls } = options;
    this.#options = options;
    this.#targetDurationSeconds = Math.max(1, Math.round(config.hls.segmentSeconds));
    this.#publication = publisher.stream({
      name: config.name,
      windowSegments: config.hls.windowSegments,
      targetDurationSeconds: this.#targetDurationSeconds,
      cleanup,
    });
    this.#lane = this.#publication.rendition<RemoteEntry>({
      name: hls.rendition,
      render: (list, state) => this.#playlist(list, state),
    });
  }

  status(): PublicationStatus {
    return this.#publication.status();
  }

  segment({ file, body, init, entry, mediaSequence, discontinuitySequence }: ListedSegment): void {
    const object = this.#media(file, body);
    // RFC 8216bis 4.4.3.1: no listed segment, rounded, may be longer than the target duration.
    this.#targetDurationSeconds = Math.max(this.#targetDurationSeconds, Math.round(entry.durationSeconds));
    this.#lane.append({
      object,
      durationSeconds: entry.durationSeconds,
      entry: { entry, mediaSequence, discontinuitySequence },
      ...(init === undefined ? {} : { init: this.#media(init.file, init.body) }),
    });
  }

  multivariant(): void {
    const { config, hls } = this.#options;
    this.#publication.multivariant(() => {
      const text = hls.multivariant()?.body;
      return text === undefined ? undefined : this.#text(multivariantKey(config.name), 'multivariant', text);
    });
  }

  image(format: ImageFormat, image: Pick<ImageResource, 'body' | 'contentType' | 'capturedAt' | 'state'>): void {
    const { name, thumbnail } = this.#options.config;
    this.#publication.image({
      key: thumbnailKey(name, format),
      body: image.body,
      contentType: image.contentType,
      cacheControl: cacheControlOf('thumbnail', thumbnail.intervalSeconds),
      metadata: {
        'image-state': image.state,
        ...(image.capturedAt === undefined ? {} : { 'captured-at': new Date(image.capturedAt).toISOString() }),
      },
    });
  }

  /** No segment will follow: the playlist on the store says so once all that came before is there. */
  end(): void {
    this.#lane.end();
  }

  close(deadlineMs: number): Promise<void> {
    return this.#publication.close({ deadlineMs });
  }

  #playlist(
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
    return this.#text(playlistKey(this.#options.config.name, this.#options.hls.rendition), 'playlist', body);
  }

  #media(file: string, body: Uint8Array): StoredObject {
    const key = segmentKey(this.#options.config.name, this.#options.hls.rendition, file);
    return { key, body, contentType: contentTypeOf(key), cacheControl: cacheControlOf('segment', 0) };
  }

  #text(key: string, kind: 'playlist' | 'multivariant', text: string): StoredObject {
    const cacheControl = cacheControlOf(kind, this.#targetDurationSeconds);
    return { key, body: new TextEncoder().encode(text), contentType: contentTypeOf(key), cacheControl };
  }
}
