import { SidepipeError } from '../../errors.js';
import type { DecodedPicture } from '../../frames/frame.js';
import { encodePicture } from '../../images/encode.js';
import type { EncodedImage } from '../../images/picture.js';
import type { StreamState } from '../../terms.js';
import type { SnapshotOptions } from '../live-stream.js';
import { canSnapshot, type PlanOptions } from '../outputs/plan.js';
import type { SnapshotResource } from '../resources.js';
import type { SnapshotPlaces } from './snapshot-places.js';

/** How many requests may wait for one stream's frame. */
const MOST_WAITING = 8;
const TIMEOUT_MS = 30_000;

interface Full {
  readonly picture: DecodedPicture;
  readonly capturedAt: number;
  /** By format and quality: requests for the same image share its encoding. */
  readonly encoded: Map<string, Promise<EncodedImage>>;
}

interface Waiting {
  resolve(full: Full): void;
  reject(error: SidepipeError): void;
}

export interface SnapshotsOptions {
  readonly places: SnapshotPlaces;
  readonly timeoutMs?: number;
}

/** One stream's full-size images, on demand, over all its ffmpeg runs. */
export class Snapshots {
  readonly #options: SnapshotsOptions;
  readonly #waiting = new Set<Waiting>();
  /** Requests that wait for a frame or for its encoding. */
  #requests = 0;
  #giveBack: (() => void) | undefined;
  #source: { request(): void } | undefined;

  constructor(options: SnapshotsOptions) {
    this.#options = options;
  }

  get isWanted(): boolean {
    return this.#waiting.size > 0;
  }

  /** The current source of frames; undefined while there is none. */
  from(source: { request(): void } | undefined): void {
    this.#source = source;
    if (this.isWanted) source?.request();
  }

  /** The next frame as an image. Throws `limit-reached`, `source-unavailable` (none arrived in time), `frame-invalid`, `aborted`. */
  async take({ format, quality, signal }: SnapshotOptions): Promise<SnapshotResource> {
    this.#enter();
    try {
      const full = await this.#next(signal);
      const { picture, capturedAt, encoded } = full;
      const key = `${format} ${quality}`;
      const raw = { ...picture, capturedAt, sequence: 0 };
      const encoding = encoded.get(key) ?? encodePicture(raw, { format, quality });
      encoded.set(key, encoding);
      const { body, contentType, width, height } = await encoding;
      return { body, contentType, width, height, capturedAt };
    } finally {
      this.#leave();
    }
  }

  /** A frame in a new buffer. */
  offer(picture: DecodedPicture, capturedAt: number): void {
    const full: Full = { picture, capturedAt, encoded: new Map() };
    for (const waiting of [...this.#waiting]) waiting.resolve(full);
  }

  fail(error: SidepipeError): void {
    for (const waiting of [...this.#waiting]) waiting.reject(error);
  }

  #enter(): void {
    if (this.#requests >= MOST_WAITING)
      throw tooMany('Too many snapshots of this stream are in progress. Try again later.');
    if (this.#requests === 0) {
      this.#giveBack = this.#options.places.take();
      if (this.#giveBack === undefined) throw tooMany('Too many streams are taking snapshots. Try again later.');
    }
    this.#requests += 1;
  }

  #leave(): void {
    this.#requests -= 1;
    if (this.#requests > 0) return;
    this.#giveBack?.();
    this.#giveBack = undefined;
  }

  #next(signal: AbortSignal | undefined): Promise<Full> {
    return new Promise((resolve, reject) => {
      const settle = <T>(how: (value: T) => void) => {
        return (value: T) => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', gone);
          this.#waiting.delete(waiting);
          how(value);
        };
      };
      const waiting: Waiting = { resolve: settle(resolve), reject: settle(reject) };
      const gone = () =>
        waiting.reject(new SidepipeError('The request was cancelled.', { code: 'aborted', fault: 'caller' }));
      const timer = setTimeout(() => waiting.reject(noPicture()), this.#options.timeoutMs ?? TIMEOUT_MS);
      signal?.addEventListener('abort', gone, { once: true });
      this.#waiting.add(waiting);
      if (signal?.aborted) gone();
      else this.#source?.request();
    });
  }
}

function noPicture(): SidepipeError {
  const message = 'The source sent no frame in time.';
  return new SidepipeError(message, { code: 'source-unavailable', fault: 'source', retryable: true });
}

function tooMany(message: string): SidepipeError {
  return new SidepipeError(message, { code: 'limit-reached', fault: 'caller', retryable: true });
}

/** Why no snapshot of a stream is possible now; undefined if it is possible. */
export function snapshotRefusal(
  { source, capabilities }: Pick<PlanOptions, 'source' | 'capabilities'>,
  state: StreamState,
): SidepipeError | undefined {
  if (!canSnapshot(source, capabilities)) {
    const message = 'This ffmpeg cannot take snapshots of a publisher.';
    return new SidepipeError(message, { code: 'source-unsupported', fault: 'node' });
  }
  if (state === 'live') return undefined;
  return new SidepipeError(`The stream is ${state}.`, {
    code: 'source-unavailable',
    fault: 'source',
    retryable: true,
  });
}
