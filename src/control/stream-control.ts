import type { StreamConfig } from '../config/schema/schema.js';
import type { StreamOrigin } from '../ingest/policy.js';

/** What operators can do to the streams of a node while it runs. Every method throws a `SidepipeError` with the caller's fault. */
export interface StreamControl {
  /**
   * Makes a stream, as the configuration would have it. A push stream without keys gets one. Throws `request-invalid` (all
   * problems in `details.findings`), `stream-exists`, `limit-reached`, `node-overloaded`, `state-unavailable`, `port-unavailable`.
   */
  create(input: unknown): Promise<CreatedStream>;
  /** Changes a stream by RFC 7396. Throws as `create` does, and `stream-configured`. */
  update(name: string, patch: unknown): Promise<void>;
  /** Settles when the stream has ended. Throws `stream-configured`, `state-unavailable`. */
  remove(name: string): Promise<void>;
  /** Begins ffmpeg anew. False: the stream rests, there was nothing to begin anew. */
  restart(name: string): Promise<boolean>;
  /** One new key in the place of all old ones, of which none opens the stream any more. Throws `stream-not-push` and as `update`. */
  rotateKey(name: string, options: { readonly keepPublisher: boolean }): Promise<string>;
  /** What a stream was told, secrets taken out. */
  settings(name: string): StreamSettings | undefined;
  /** Where publishers come in: ports. */
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
  /** Of a push stream. */
  readonly keys: number | null;
}
