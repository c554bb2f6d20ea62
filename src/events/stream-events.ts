import type { DecodedPicture } from '../frames/frame.js';
import type { GateState, ImageFormat, ImageState, StreamState } from '../terms.js';
import type { Condition } from './condition-changes.js';

/** The state of the stream has changed. */
interface StateEvent {
  readonly type: 'state';
  readonly state: StreamState;
  readonly before: StreamState;
  /** Why it is not live; null where it is, or where nothing is wrong. No secret. */
  readonly reason: { readonly code: string; readonly message: string } | null;
}

/** ffmpeg has written a raw frame. `picture` is lent: it is overwritten once the listener returns. */
interface FrameEvent {
  readonly type: 'frame';
  readonly picture: DecodedPicture;
  /** Milliseconds since the epoch. */
  readonly capturedAt: number;
}

/** No thumbnail is made of a frame. `slowed`: because of the load of the machine. */
interface FrameDroppedEvent {
  readonly type: 'frame-dropped';
  readonly reason:
    | 'encoder-busy'
    | 'frame-invalid'
    | 'frame-resized'
    | 'encode-failed'
    | 'slowed'
    | `gate-${GateState}`;
}

/** An image was encoded. */
export interface ThumbnailEncodedEvent {
  readonly type: 'thumbnail';
  readonly image: {
    readonly body: Uint8Array;
    readonly contentType: string;
    /** Strong entity tag with its quotes. */
    readonly etag: string;
    readonly width: number;
    readonly height: number;
    readonly bytes: number;
    readonly encodeSeconds: number;
  };
  readonly format: ImageFormat;
  /** The name of a further size; undefined for the size of the raw frame. */
  readonly size: string | undefined;
  /** Whether it is the thumbnail itself: the first of the stream's formats, at full size. */
  readonly isFirst: boolean;
  /** When the source took the frame, steady time and milliseconds since the epoch. */
  readonly capturedAt: number;
  readonly date: number;
  /** The bytes are those of the one before. */
  readonly unchanged: boolean;
  readonly gate: GateState | undefined;
  /** When the frame arrived and when the gate had judged it, steady time; undefined for a form that was asked for later. */
  readonly passed: { readonly arrivedAt: number; readonly judgedAt: number } | undefined;
}

/** A frame equals the one before: its thumbnails stay and have a newer date. */
interface ThumbnailRepeatedEvent {
  readonly type: 'thumbnail-repeated';
  /** Steady time. */
  readonly capturedAt: number;
}

interface ThumbnailFailedEvent {
  readonly type: 'thumbnail-failed';
  /** `extras`: a preview or a storyboard. */
  readonly step: 'encode' | 'transcode' | 'offline' | 'extras';
  readonly code: string;
  readonly message: string;
}

/** What the video shows has changed. */
interface GateChangeEvent {
  readonly type: 'gate';
  readonly state: GateState;
  readonly change: 'black' | 'flat' | 'frozen' | 'recovered';
  /** Milliseconds since the epoch: when the frame was captured that decided. */
  readonly since: number;
  /** Frames that were held back so far. */
  readonly rejected: number;
  /** Of the frame: mean and standard deviation of its luma, 0 to 255. */
  readonly brightness: number;
  readonly contrast: number;
}

/** The thumbnail has become fresh, stale, or is replaced by the offline image. */
interface FreshnessEvent {
  readonly type: 'freshness';
  readonly state: ImageState;
  readonly before: ImageState;
  /** Null: there never was one. */
  readonly ageSeconds: number | null;
}

/** The playlist lists a further media segment. */
interface SegmentEvent {
  readonly type: 'segment';
  readonly rendition: string;
  /** Its name in the playlist. */
  readonly file: string;
  readonly body: Uint8Array;
  readonly durationSeconds: number;
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
  /** Steady time: when its first picture was taken, when its last byte arrived, and when it was listed. */
  readonly startedAt: number;
  readonly completedAt: number;
  readonly listedAt: number;
}

/** ffmpeg has ended unexpectedly; another process follows. Its texts hold no secret. */
interface RestartEvent {
  readonly type: 'restart';
  readonly restarts: number;
  readonly code: string;
  readonly message: string;
  /** The last lines of ffmpeg's log. */
  readonly stderr: readonly string[];
}

/** The decoder could not read a part of the source. */
interface DecoderErrorEvent {
  readonly type: 'decoder-error';
}

/** Many decoder errors within a short time, or the end of such a flood. */
interface DecoderFloodEvent {
  readonly type: 'decoder-flood';
  readonly holds: boolean;
  /** A line of ffmpeg's log; undefined at its end. */
  readonly text: string | undefined;
  readonly errors: number;
}

/** The stream's copy on a store has changed. */
interface PublicationEvent {
  readonly type: 'publication';
  readonly condition: Condition;
  readonly details: Readonly<Record<string, unknown>>;
}

/** A viewer of the monitor was disconnected because it read too slowly. */
interface MonitorDroppedEvent {
  readonly type: 'monitor-dropped';
}

/** A WebRTC viewer was too slow: it lost frames up to the next keyframe. */
interface WebRtcDroppedEvent {
  readonly type: 'webrtc-dropped';
}

/** Something that a stream did. */
export type StreamAction =
  | StateEvent
  | FrameEvent
  | FrameDroppedEvent
  | ThumbnailEncodedEvent
  | ThumbnailRepeatedEvent
  | ThumbnailFailedEvent
  | GateChangeEvent
  | FreshnessEvent
  | SegmentEvent
  | RestartEvent
  | DecoderErrorEvent
  | DecoderFloodEvent
  | PublicationEvent
  | MonitorDroppedEvent
  | WebRtcDroppedEvent;

/** The one series of what streams do. `at`: milliseconds since the epoch. */
export type StreamEvent = StreamAction & { readonly stream: string; readonly at: number };

export type StreamListener = (event: StreamEvent) => void;

/** The events of all streams of a node. */
export class NodeEvents {
  readonly #listeners = new Set<StreamListener>();
  readonly #date: () => number;

  /** `date`: the date now, in milliseconds since the epoch. */
  constructor(date: () => number) {
    this.#date = date;
  }

  /** Calls the listener with each event, at once. It must not throw. Returns a function that ends the subscription. */
  subscribe(listener: StreamListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  emit(stream: string, action: StreamAction): StreamEvent {
    const event: StreamEvent = { ...action, stream, at: this.#date() };
    for (const listener of this.#listeners) listener(event);
    return event;
  }
}

/** The events of one stream. Its own listeners hear of an event after those of the node, in the order of their subscriptions. */
export class StreamEvents {
  readonly #listeners = new Set<StreamListener>();
  readonly #node: Pick<NodeEvents, 'emit'>;
  readonly #stream: string;

  constructor(node: Pick<NodeEvents, 'emit'>, stream: string) {
    this.#node = node;
    this.#stream = stream;
  }

  /** As `NodeEvents.subscribe`. */
  subscribe(listener: StreamListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  emit(action: StreamAction): void {
    const event = this.#node.emit(this.#stream, action);
    for (const listener of this.#listeners) listener(event);
  }
}
