import type { ConfigProblem } from '../config/problems.js';
import { changedSettings, ensureToken } from '../config/reload.js';
import type { Config } from '../config/schema/schema.js';
import { messageOf, SidepipeError } from '../errors.js';
import type { Logger } from '../telemetry/logger.js';
import type { Control } from './control.js';

export interface ReloadOptions {
  /** What the node began with, and the keys of playback that it has now. */
  readonly config: Config;
  /** Playback is signed by these keys from now on. */
  readonly adopt: (playback: Config['playback']) => void;
  /** Undefined before the node has begun. */
  readonly control: Control | undefined;
  readonly log: Logger;
}

/** Puts another configuration's streams in the place of those that there are. Answers which other settings need a new node. */
export async function reload(next: Config, options: ReloadOptions): Promise<readonly string[]> {
  const { config, adopt, control, log } = options;
  if (control === undefined) {
    throw new SidepipeError('The node has not begun.', { code: 'internal', fault: 'caller' });
  }
  // First: streams that begin say whether they are open to everyone.
  adopt(next.playback);
  try {
    await control.reload(next);
  } catch (error) {
    adopt(config.playback);
    throw error;
  }
  const settings = changedSettings({ ...config, playback: next.playback }, ensureToken(next, config));
  if (settings.length > 0) log.warn({ settings }, `these settings need a restart of the node: ${settings.join(', ')}`);
  return settings;
}

/** As `reload`, of a configuration that has yet to be read. What cannot be used changes nothing; every problem is logged. */
export async function reloadFrom(load: () => Promise<Config>, options: ReloadOptions): Promise<void> {
  const { log } = options;
  try {
    await reload(await load(), options);
    log.info('the configuration was read anew');
  } catch (error) {
    const problems =
      error instanceof SidepipeError ? (error.details['problems'] as readonly ConfigProblem[] | undefined) : undefined;
    for (const { path, message, line, column } of problems ?? []) {
      const place = line === undefined ? {} : { line, column };
      log.error({ setting: path, ...place }, `the new configuration cannot be used: ${path}: ${message}`);
    }
    if (problems === undefined) log.error({ err: error }, `the new configuration cannot be used: ${messageOf(error)}`);
    log.warn('nothing was changed');
  }
}
