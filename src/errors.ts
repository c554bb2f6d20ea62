/** What went wrong, as a stable name that programs can switch on. */
export type ErrorCode =
  | 'aborted'
  | 'config-invalid'
  | 'ffmpeg-unusable'
  | 'ffmpeg-failed'
  | 'ffmpeg-stalled'
  | 'frame-invalid'
  | 'image-failed'
  | 'idempotency-conflict'
  | 'internal'
  | 'limit-reached'
  | 'machine-exhausted'
  | 'node-overloaded'
  | 'not-found'
  | 'port-unavailable'
  | 'publisher-rejected'
  | 'request-invalid'
  | 'source-refused'
  | 'source-not-media'
  | 'source-without-video'
  | 'source-unavailable'
  | 'source-unsupported'
  | 'state-unavailable'
  | 'storage-conflict'
  | 'storage-denied'
  | 'storage-failed'
  | 'storage-misconfigured'
  | 'storage-refused'
  | 'storage-unavailable'
  | 'stream-configured'
  | 'stream-exists'
  | 'stream-not-push'
  | 'webrtc-limit-reached'
  | 'webrtc-offer-invalid'
  | 'webrtc-offer-unacceptable'
  | 'webrtc-unavailable';

/** Whose move it is to mend an error. */
export type Fault = 'caller' | 'source' | 'storage' | 'node';

/** What an error says beside its message. */
export interface SidepipeErrorOptions {
  readonly code: ErrorCode;
  readonly fault: Fault;
  /** Whether the same call can succeed later without anyone changing anything. */
  readonly retryable?: boolean;
  readonly cause?: unknown;
  /** Further facts for logs and problem documents. Never secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** The one error class of the project. `message` is a sentence for people and holds no secret. */
export class SidepipeError extends Error {
  override readonly name = 'SidepipeError';
  readonly code: ErrorCode;
  readonly fault: Fault;
  readonly retryable: boolean;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(message: string, options: SidepipeErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code;
    this.fault = options.fault;
    this.retryable = options.retryable ?? false;
    this.details = options.details ?? {};
  }
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
