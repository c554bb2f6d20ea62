import { Topic } from './topic.js';

/**
 * What happens to a stream. Of its picture's content: `black`, `flat`, `frozen`, `recovered`; of its picture's age: `stale`,
 * `offline`, `fresh`; of the stream: `live`, `recovering`, `failed`; of its copy on the store: `lagging`, `caught-up`, `unreadable`,
 * `readable`, `refused`, `accepted`, `losing`, `complete`, `unpublished`, `published`.
 */
type StreamEventType =
  | 'black'
  | 'flat'
  | 'frozen'
  | 'recovered'
  | 'stale'
  | 'offline'
  | 'fresh'
  | 'live'
  | 'recovering'
  | 'failed'
  | 'lagging'
  | 'caught-up'
  | 'unreadable'
  | 'readable'
  | 'refused'
  | 'accepted'
  | 'losing'
  | 'complete'
  | 'unpublished'
  | 'published';

/** One change of a stream's state. Told once, when the state begins. */
export interface StreamEvent {
  readonly stream: string;
  readonly type: StreamEventType;
  /** Milliseconds since the epoch. Of black, flat, frozen and recovered: when the frame was taken that decided. */
  readonly at: number;
  /** Plain facts for people and programs. No secret. */
  readonly details: Readonly<Record<string, unknown>>;
}

/** The events of all streams of a node. */
export type StreamEvents = Topic<StreamEvent>;

export function createStreamEvents(): StreamEvents {
  return new Topic<StreamEvent>();
}
