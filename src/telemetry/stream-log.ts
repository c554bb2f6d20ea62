import type { StreamEvent, StreamListener } from '../events/stream-events.js';
import { createEpisodes, type Episodes } from './episodes.js';
import type { Logger } from './logger.js';

export interface StreamLogOptions {
  /** Adds the stream's name to each line. */
  readonly log: Logger;
  /** Steady time in milliseconds. */
  readonly now: () => number;
}

const freshness = { fresh: 'thumbnail fresh', stale: 'thumbnail stale', offline: 'thumbnail offline' } as const;
const video = {
  black: 'video black',
  flat: 'video flat',
  frozen: 'video frozen',
  recovered: 'video good again',
} as const;

/** Logs what one stream does. Of repeated faults it logs the first and the end. */
export function createStreamLog({ log, now }: StreamLogOptions): StreamListener {
  const episodes = createEpisodes({ log, now });
  return (event) => {
    logChange(log, event);
    logFault(episodes, event);
  };
}

function logChange(log: Logger, event: StreamEvent): void {
  switch (event.type) {
    case 'freshness': {
      const { state, before, ageSeconds } = event;
      log[state === 'fresh' ? 'info' : 'warn']({ before, ageSeconds }, freshness[state]);
      break;
    }
    case 'gate': {
      const { state, change, brightness, contrast } = event;
      log[change === 'recovered' ? 'info' : 'warn']({ gate: state, brightness, contrast }, video[change]);
      break;
    }
    case 'publication':
      if (event.condition === 'unpublished') log.warn('stream live, but another node publishes it');
      else if (event.condition === 'published') log.info('stream published again, or ended');
      break;
    default:
  }
}

function logFault(episodes: Episodes, event: StreamEvent): void {
  switch (event.type) {
    case 'thumbnail-failed': {
      const { step, code, message } = event;
      if (step === 'extras')
        episodes.happened('extras-failed', `a preview or storyboard could not be made: ${message}`);
      else episodes.happened('image-failed', `a picture could not be made: ${message}`, { step, code });
      break;
    }
    case 'thumbnail':
    case 'thumbnail-repeated':
      episodes.ended('image-failed', 'thumbnails encoded again');
      episodes.ended('extras-failed', 'preview and storyboard made again');
      episodes.ended('frames-dropped', 'image encoder keeps up again');
      episodes.ended('frame-invalid', 'frames valid again');
      break;
    case 'frame-dropped':
      if (event.reason === 'encoder-busy')
        episodes.happened('frames-dropped', 'image encoder too slow: older frames dropped');
      else if (event.reason === 'frame-invalid')
        episodes.happened('frame-invalid', 'frame size does not match its dimensions');
      break;
    case 'decoder-flood':
      if (event.holds) {
        const first = { first: event.text };
        episodes.happened('decoder-errors', 'many decoder errors: frames may be damaged', first);
      } else episodes.ended('decoder-errors', 'no more decoder errors', { errors: event.errors });
      break;
    default:
  }
}
