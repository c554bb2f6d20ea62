import type { Frame } from '../frames/frame.js';
import type { StreamState } from '../terms.js';
import type { StreamEvent } from './stream-events.js';
import { type SubscribeOptions, type Subscription, Topic } from './topic.js';

/** A thumbnail as it was made, in the first of the stream's formats. */
export interface Thumbnail {
  readonly body: Uint8Array;
  readonly contentType: string;
  readonly width: number;
  readonly height: number;
  /** When the source gave the picture, milliseconds since the epoch. */
  readonly capturedAt: number;
}

/** A media segment that the playlist lists from now on. */
export interface Segment {
  readonly rendition: string;
  /** Its name in the playlist. */
  readonly file: string;
  readonly body: Uint8Array;
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
}

/** A stream has another state. */
export interface StateChange {
  readonly state: StreamState;
  readonly before: StreamState;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Why it is not live; null where it is, or where nothing is wrong. */
  readonly reason: { readonly code: string; readonly message: string } | null;
}

/**
 * What a stream gives to the program that embeds it, as async iterables. Each reader has a buffer of its own of `limit` items
 * (default 100, of frames 2): a slow one loses the oldest, which `dropped` counts, and holds nobody up.
 */
export interface StreamSeries {
  /** Every frame that came off the side pipe, whether it became a picture or not: packed RGB, the reader's own copy. */
  frames(options?: SubscribeOptions): Subscription<Frame>;
  thumbnails(options?: SubscribeOptions): Subscription<Thumbnail>;
  segments(options?: SubscribeOptions): Subscription<Segment>;
  states(options?: SubscribeOptions): Subscription<StateChange>;
}

/** Some megabytes each. */
const FRAMES_LIMIT = 2;

/** The series of one stream, made of its events. */
export class StreamTopics implements StreamSeries {
  readonly #frames = new Topic<Frame>();
  readonly #thumbnails = new Topic<Thumbnail>();
  readonly #segments = new Topic<Segment>();
  readonly #states = new Topic<StateChange>();
  #sequence = 0;

  frames(options: SubscribeOptions = {}): Subscription<Frame> {
    return this.#frames.subscribe({ limit: FRAMES_LIMIT, ...options });
  }

  thumbnails(options?: SubscribeOptions): Subscription<Thumbnail> {
    return this.#thumbnails.subscribe(options);
  }

  segments(options?: SubscribeOptions): Subscription<Segment> {
    return this.#segments.subscribe(options);
  }

  states(options?: SubscribeOptions): Subscription<StateChange> {
    return this.#states.subscribe(options);
  }

  take(event: StreamEvent): void {
    switch (event.type) {
      case 'frame':
        this.#frame(event);
        break;
      case 'thumbnail': {
        if (!event.isFirst) break;
        const { image, date } = event;
        const { body, contentType, width, height } = image;
        this.#thumbnails.publish({ body, contentType, width, height, capturedAt: date });
        break;
      }
      case 'segment': {
        const { rendition, file, body, mediaSequence, discontinuitySequence } = event;
        this.#segments.publish({ rendition, file, body, mediaSequence, discontinuitySequence });
        break;
      }
      case 'state': {
        const { state, before, at, reason } = event;
        this.#states.publish({ state, before, at, reason });
        break;
      }
      default:
    }
  }

  /** Ends every series once what waits is read. */
  close(): void {
    for (const topic of [this.#frames, this.#thumbnails, this.#segments, this.#states]) topic.close();
  }

  /** The picture is lent, so it is copied: only where somebody reads. */
  #frame({ picture, capturedAt }: Extract<StreamEvent, { type: 'frame' }>): void {
    const sequence = this.#sequence++;
    if (!this.#frames.hasReaders) return;
    this.#frames.publish({ ...picture, data: picture.data.slice(), capturedAt, sequence });
  }
}
