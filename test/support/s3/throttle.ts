import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

export interface ThrottleOptions {
  readonly bytesPerSecond: number | undefined;
  readonly signal: AbortSignal;
}

/** The whole body, or undefined when `cutAfter` bytes of it have come. Rejects when the client goes away earlier. */
export async function readThrottled(
  incoming: IncomingMessage,
  { bytesPerSecond, cutAfter, signal }: ThrottleOptions & { readonly cutAfter: number | undefined },
): Promise<Buffer | undefined> {
  const pieces: Buffer[] = [];
  let received = 0;
  for await (const piece of incoming as AsyncIterable<Buffer>) {
    pieces.push(piece);
    received += piece.length;
    if (cutAfter !== undefined && received > cutAfter) return undefined;
    if (bytesPerSecond !== undefined) await delay((piece.length * 1000) / bytesPerSecond, undefined, { signal });
  }
  return cutAfter === undefined ? Buffer.concat(pieces) : undefined;
}

export async function writeThrottled(
  outgoing: ServerResponse,
  body: Buffer,
  { bytesPerSecond, signal }: ThrottleOptions,
): Promise<void> {
  if (bytesPerSecond !== undefined) {
    const step = Math.max(1, Math.floor(bytesPerSecond / 10));
    for (let at = 0; at < body.length && !outgoing.destroyed; at += step) {
      outgoing.write(body.subarray(at, at + step));
      await delay(100, undefined, { signal });
    }
    outgoing.end();
  } else {
    outgoing.end(body);
  }
  if (!outgoing.writableFinished && !outgoing.destroyed)
    await Promise.race([once(outgoing, 'finish'), once(outgoing, 'close')]);
}
