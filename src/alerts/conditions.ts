import type { GateState, ImageState } from '../terms.js';
import type { AlertName, StreamChange } from './alert.js';

/** What is known of a stream from the changes that it told of. */
export interface StreamFacts {
  readonly content: GateState;
  readonly age: ImageState;
  /** Whether its ffmpeg gives media, as far as is known. */
  readonly down: boolean;
  /** The playlist on the store is far behind. */
  readonly lagging: boolean;
  /** Segments that it lists cannot be read. */
  readonly unreadable: boolean;
  /** The store does not accept its objects. */
  readonly refused: boolean;
  /** Segments were lost a moment ago. */
  readonly losing: boolean;
  /** It is live here, and another node writes its copy on the store. */
  readonly unpublished: boolean;
}

export const noFacts: StreamFacts = {
  content: 'good',
  age: 'fresh',
  down: false,
  lagging: false,
  unreadable: false,
  refused: false,
  losing: false,
  unpublished: false,
};

/** The facts after a change; the same object where it changes nothing. Pure. */
export function factsAfter(facts: StreamFacts, { type }: Pick<StreamChange, 'type'>): StreamFacts {
  switch (type) {
    case 'black':
    case 'flat':
    case 'frozen':
      return { ...facts, content: type };
    case 'recovered':
      return { ...facts, content: 'good' };
    case 'fresh':
    case 'stale':
    case 'offline':
      return { ...facts, age: type };
    case 'live':
      return { ...facts, down: false };
    case 'recovering':
    case 'failed':
      return { ...facts, down: true };
    case 'lagging':
    case 'caught-up':
      return { ...facts, lagging: type === 'lagging' };
    case 'unreadable':
    case 'readable':
      return { ...facts, unreadable: type === 'unreadable' };
    case 'refused':
    case 'accepted':
      return { ...facts, refused: type === 'refused' };
    case 'losing':
    case 'complete':
      return { ...facts, losing: type === 'losing' };
    case 'unpublished':
    case 'published':
      return { ...facts, unpublished: type === 'unpublished' };
    default:
      return facts;
  }
}

/** The conditions that hold. What a stream shows is of no interest while it shows nothing new. Pure. */
export function conditionsOf({
  content,
  age,
  down,
  lagging,
  unreadable,
  refused,
  losing,
  unpublished,
}: StreamFacts): Readonly<Record<AlertName, boolean>> {
  const isOffline = age === 'offline' || down;
  return {
    stale: age !== 'fresh',
    offline: isOffline,
    black: content === 'black' && !isOffline,
    flat: content === 'flat' && !isOffline,
    frozen: content === 'frozen' && !isOffline,
    lagging,
    unreadable,
    refused,
    gaps: losing,
    unpublished,
  };
}
