import type { StreamEvent, StreamListener } from '../events/stream-events.js';
import { createEpisodes, type Episodes } from './episodes.js';
import type { Logger } from './logger.js';

export interface StreamLogOptions {
  /** Adds the stream's name to each line. */
  readonly log: Logger;
  /** Steady time in milliseconds. */
  readonly now: () => number;
}

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
      if (state === 'fresh') log.info({ before }, 'the thumbnail is fresh');
      else log.warn({ before, ageSeconds }, `the thumbnail is ${state}`);
      break;
    }
    case 'gate': {
      const { state, change, brightness, contrast } = event;
      const facts = { gate: state, brightness, contrast };
      if (change === 'recovered') log.info(facts, 'the picture is good again');
      else log.warn(facts, `the picture is ${change}`);
      break;
    }
    case 'publication':
      if (event.condition === 'unpublished')
        log.warn('the stream is live, but another node has its place on the store');
      else if (event.condition === 'published') log.info('the stream is published to the store again, or has ended');
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
      episodes.ended('image-failed', 'pictures are made again');
      episodes.ended('extras-failed', 'pictures are made again');
      episodes.ended('frames-dropped', 'the encoder keeps up again');
      episodes.ended('frame-invalid', 'frames are whole again');
      break;
    case 'frame-dropped':
      if (event.reason === 'encoder-busy')
        episodes.happened('frames-dropped', 'the encoder is slower than the frames come: older frames are dropped');
      else if (event.reason === 'frame-invalid')
        episodes.happened('frame-invalid', 'a frame came whose bytes are not those of a picture of its size');
      break;
    case 'decoder-flood':
      if (event.holds) {
        const first = { first: event.text };
        episodes.happened('decoder-errors', 'the source has many errors: its pictures may be damaged', first);
      } else episodes.ended('decoder-errors', 'the source is free of errors again', { errors: event.errors });
      break;
    default:
  }
}
