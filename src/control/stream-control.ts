import type { StreamConfig } from '../config/schema/schema.js';
import type { StreamOrigin } from '../ingest/policy.js';

/** Operations on the streams of a running node. Every method throws a `SidepipeError` with the caller's fault. */
export interface StreamControl {
  /**
   * Makes a stream, as the configuration would have it. A push stream without keys gets one. Throws `request-invalid` (all
   * problems in `details.findings`), `stream-exists`, `limit-reached`, `node-overloaded`, `state-unavailable`, `port-unavailable`.
   */
  create(input: unknown): Promise<CreatedStream>;
  /** Changes a stream by a JSON merge patch (RFC 7396). Throws like `create`, and `stream-configured`. */
  update(name: string, patch: unknown): Promise<void>;
  /** Settles when the stream has ended. Throws `stream-configured`, `state-unavailable`. */
  remove(name: string): Promise<void>;
  /** Restarts ffmpeg. False: the stream was not running. */
  restart(name: string): Promise<boolean>;
  /** Replaces all keys by a new one. Throws `stream-not-push`, and like `update`. */
  rotateKey(name: string, options: { readonly keepPublisher: boolean }): Promise<string>;
  /** The settings of a stream, without secrets. */
  settings(name: string): StreamSettings | undefined;
  /** Ports for publishers. */
  readonly publishPorts: { readonly rtmp?: number; readonly rtmps?: number };
}

/** A stream that was created, or existed with the same configuration. */
export interface CreatedStream {
  readonly name: string;
  /** False: it existed already, created from the same configuration. */
  readonly created: boolean;
  /** The key that was generated for a push stream. It cannot be read later. */
  readonly key: string | undefined;
}

export interface StreamSettings {
  readonly origin: StreamOrigin;
  /** All settings with their defaults. The source is without its secrets. */
  readonly settings: Omit<StreamConfig, 'keys'>;
  /** Number of keys of a push stream. */
  readonly keys: number | null;
}
