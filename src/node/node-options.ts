import type { GuardOptions } from '../ffmpeg/guard.js';
import type { Machine } from '../load/host.js';
import type { RestartPolicy } from '../stream/run/restart-policy.js';
import type { LogDestination, NodeLogger } from '../telemetry/logger.js';

/** Options for embedding programs, in addition to the configuration. */
export interface NodeOptions extends GuardOptions {
  /** False: no HTTP listener; handle requests with `fetch`. Default true. */
  readonly listen?: boolean;
  /** Gets the events of `log.level` and above. Without it and `log`, nothing is logged. */
  readonly logger?: NodeLogger;
  /** Where JSON lines of the log go. Ignored if there is a `logger`. */
  readonly log?: LogDestination;
  /** Lines for people instead of JSON in `log`. */
  readonly pretty?: boolean;
  /** When a stream restarts after its ffmpeg has ended. */
  readonly restart?: Partial<RestartPolicy>;
  /** `close` ends the streams: their playlists get ENDLIST. Default: they continue with the next node, or the next start. */
  readonly endStreams?: boolean;
  /** How long players can still fetch the ended playlist of a removed stream. Default 30 s. */
  readonly endedForMs?: number;
  /** The time of day, in milliseconds since the epoch. Default: the system clock. */
  readonly timeOfDay?: () => number;
  /** The machine whose load is watched. Default: this machine, or its control group. */
  readonly openMachine?: () => Machine;
  /** How long `close` waits for uploads. Default 5 s. */
  readonly closeDeadlineMs?: number;
}
