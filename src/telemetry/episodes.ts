import { steadyNow } from '../clock.js';
import type { Logger } from './logger.js';

/** A series of like events, such as dropped frames, of which the log tells the beginning and the end only. */
export interface Episodes {
  /** Something of this kind happened: the first time is logged as a warning, the others are counted. */
  happened(kind: string, message: string, facts?: Readonly<Record<string, unknown>>): void;
  /** It is over: logged with how often it happened and how long it went on. Nothing when it had not begun. */
  ended(kind: string, message: string, facts?: Readonly<Record<string, unknown>>): void;
  /** How often it has happened in the episode that is going on; 0 when there is none. */
  count(kind: string): number;
}

export interface EpisodesOptions {
  readonly log: Logger;
  /** Steady time in milliseconds. */
  readonly now?: () => number;
}

/** One for each stream or store: kinds are few and fixed, such as `frames-dropped`. */
export function createEpisodes({ log, now = steadyNow }: EpisodesOptions): Episodes {
  const running = new Map<string, { count: number; since: number }>();
  return {
    happened(kind, message, facts = {}) {
      const episode = running.get(kind);
      if (episode !== undefined) {
        episode.count += 1;
        return;
      }
      running.set(kind, { count: 1, since: now() });
      log.warn({ ...facts, episode: kind }, message);
    },
    ended(kind, message, facts = {}) {
      const episode = running.get(kind);
      if (episode === undefined) return;
      running.delete(kind);
      const seconds = Math.max(0, now() - episode.since) / 1000;
      log.info({ ...facts, episode: kind, count: episode.count, seconds }, message);
    },
    count: (kind) => running.get(kind)?.count ?? 0,
  };
}
