import type { Readable } from 'node:stream';

export interface BoundedReadOptions {
  readonly limit: number;
  /** The length that was announced, as far as it was: so much memory is taken at first, within bounds. */
  readonly expected?: number;
}

export interface BoundedBody {
  /** At most `limit` bytes. */
  readonly bytes: Buffer;
  /** False: there is more, which was not read. */
  readonly isComplete: boolean;
}

const FIRST_BYTES = 4096;
const MOST_EXPECTED = 1024 ** 2;

/**
 * A body up to its limit. Each piece costs its own length, however many there are, and no promise. Past the limit the stream is
 * paused and left to the caller. Rejects where the stream fails or closes before its end.
 */
export function readBounded(stream: Readable, { limit, expected = 0 }: BoundedReadOptions): Promise<BoundedBody> {
  return new Promise((resolve, reject) => {
    let buffer = Buffer.allocUnsafe(Math.min(expected > FIRST_BYTES ? expected : FIRST_BYTES, limit, MOST_EXPECTED));
    let used = 0;
    const settle = (how: () => void): void => {
      stream.off('data', take).off('end', end).off('error', fail).off('close', close);
      how();
    };
    const end = (): void => settle(() => resolve({ bytes: buffer.subarray(0, used), isComplete: true }));
    const fail = (error: Error): void => settle(() => reject(error));
    const close = (): void => fail(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }));
    const take = (piece: Buffer): void => {
      const length = Math.min(piece.byteLength, limit - used);
      if (used + length > buffer.byteLength) {
        const grown = Buffer.allocUnsafe(Math.min(Math.max(buffer.byteLength * 2, used + length), limit));
        buffer.copy(grown, 0, 0, used);
        buffer = grown;
      }
      piece.copy(buffer, used, 0, length);
      used += length;
      if (length === piece.byteLength) return;
      stream.pause();
      settle(() => resolve({ bytes: buffer.subarray(0, used), isComplete: false }));
    };
    if (stream.destroyed) close();
    else stream.on('data', take).on('end', end).on('error', fail).on('close', close);
  });
}
