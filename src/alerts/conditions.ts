import type { AlertName, GateState, ImageState } from '../terms.js';
import type { StreamChange } from './alert.js';

/** The facts about a stream, from its reported changes. */
export interface StreamFacts {
  readonly content: GateState;
  readonly age: ImageState;
  /** Whether its ffmpeg produces media, as far as known. */
  readonly down: boolean;
  /** The playlist on the store is far behind. */
  readonly lagging: boolean;
  /** Listed segments cannot be read. */
  readonly unreadable: boolean;
  /** The store does not accept its objects. */
  readonly refused: boolean;
  /** Segments were lost recently. */
  readonly losing: boolean;
  /** It is live here, but another node writes its copy on the store. */
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

/** The facts after a change; the same object if nothing changes. Pure. */
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

/** The current conditions. The content of frames is ignored while there are no new ones. Pure. */
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
