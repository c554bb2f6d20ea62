import type { StreamEvent } from './stream-events.js';
import { Topic } from './topic.js';

/**
 * The conditions of a stream that alerts are made of. Of its video: `black`, `flat`, `frozen`, `recovered`; of its thumbnail's age:
 * `stale`, `offline`, `fresh`; of the stream: `live`, `recovering`, `failed`; of its copy on the store: `lagging`, `caught-up`,
 * `unreadable`, `readable`, `refused`, `accepted`, `losing`, `complete`, `unpublished`, `published`.
 */
export type Condition =
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

/** A condition of a stream that started to hold. */
export interface ConditionChange {
  readonly stream: string;
  readonly type: Condition;
  /** Milliseconds since the epoch. Of black, flat, frozen and recovered: when the frame was captured that decided. */
  readonly at: number;
  /** Plain facts for people and programs. No secret. */
  readonly details: Readonly<Record<string, unknown>>;
}

/** The condition changes of all streams of a node. */
export type ConditionChanges = Topic<ConditionChange>;

export function createConditionChanges(): ConditionChanges {
  return new Topic<ConditionChange>();
}

/** The condition that an event starts, if it starts one. Pure. */
export function conditionChangeOf(event: StreamEvent): ConditionChange | undefined {
  const { stream, at } = event;
  switch (event.type) {
    case 'state': {
      const { state, reason } = event;
      if (state === 'idle' || state === 'starting') return undefined;
      return { stream, type: state, at, details: reason ?? {} };
    }
    case 'freshness': {
      const { state, before, ageSeconds } = event;
      return { stream, type: state, at, details: { before, ageSeconds } };
    }
    case 'gate': {
      const { change, since, brightness, contrast } = event;
      return { stream, type: change, at: since, details: { brightness, contrast } };
    }
    case 'publication':
      return { stream, type: event.condition, at, details: event.details };
    default:
      return undefined;
  }
}
