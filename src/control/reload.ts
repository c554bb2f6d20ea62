import type { ConfigProblem } from '../config/problems.js';
import { changedSettings, ensureToken } from '../config/reload.js';
import type { Config } from '../config/schema/schema.js';
import { SidepipeError } from '../errors.js';
import type { Logger } from '../telemetry/logger.js';
import type { Control } from './control.js';

export interface ReloadOptions {
  /** The configuration at startup, with the current playback keys. */
  readonly config: Config;
  /** Sets the keys that sign playback. */
  readonly adopt: (playback: Config['playback']) => void;
  /** Undefined before the node has started. */
  readonly control: Control | undefined;
  readonly log: Logger;
}

/** Applies the streams of another configuration. Returns the other changed settings, which need a restart. */
export async function reload(next: Config, options: ReloadOptions): Promise<readonly string[]> {
  const { config, adopt, control, log } = options;
  if (control === undefined) {
    throw new SidepipeError('The node has not started.', { code: 'internal', fault: 'caller' });
  }
  // First, because starting streams report whether they are open to everyone.
  adopt(next.playback);
  try {
    await control.reload(next);
  } catch (error) {
    adopt(config.playback);
    throw error;
  }
  const settings = changedSettings({ ...config, playback: next.playback }, ensureToken(next, config));
  if (settings.length > 0) log.warn({ settings }, 'changed settings need a restart');
  return settings;
}

/** Like `reload`, but loads the configuration first. If it is invalid, nothing changes, and each problem is logged. */
export async function reloadFrom(load: () => Promise<Config>, options: ReloadOptions): Promise<void> {
  const { log } = options;
  try {
    await reload(await load(), options);
    log.info('configuration reloaded');
  } catch (error) {
    const problems =
      error instanceof SidepipeError ? (error.details['problems'] as readonly ConfigProblem[] | undefined) : undefined;
    for (const { path, message, line, column } of problems ?? []) {
      const place = line === undefined ? {} : { line, column };
      log.error({ setting: path, problem: message, ...place }, 'invalid configuration');
    }
    if (problems === undefined) log.error({ err: error }, 'cannot reload the configuration');
    log.warn('configuration unchanged');
  }
}
