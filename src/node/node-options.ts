import type { GuardOptions } from '../ffmpeg/guard.js';
import type { Machine } from '../load/host.js';
import type { RestartPolicy } from '../stream/run/restart-policy.js';
import type { LogDestination, NodeLogger } from '../telemetry/logger.js';

/** What embedding programs may set beside the configuration. */
export interface NodeOptions extends GuardOptions {
  /** False: no HTTP listener; answer requests with `fetch`. Default true. */
  readonly listen?: boolean;
  /** Gets the events of `log.level` and above. Without it and `log`, nothing is logged. */
  readonly logger?: NodeLogger;
  /** Where JSON lines of the log go. Ignored if there is a `logger`. */
  readonly log?: LogDestination;
  /** Lines for people instead of JSON in `log`. */
  readonly pretty?: boolean;
  /** How soon a stream whose ffmpeg ended is begun again. */
  readonly restart?: Partial<RestartPolicy>;
  /** `close` ends the streams: their playlists get ENDLIST. Default: they go on with the next node, or the next start. */
  readonly endStreams?: boolean;
  /** How long players of a removed stream can still learn that it has ended. Default 30 s. */
  readonly endedForMs?: number;
  /** The time of day, in milliseconds since the epoch. Default: the system's clock. */
  readonly timeOfDay?: () => number;
  /** Whose load is watched. Default: the machine's, or that of the control group. */
  readonly openMachine?: () => Machine;
  /** How long `close` lets uploads take. Default 5 s. */
  readonly closeDeadlineMs?: number;
}
