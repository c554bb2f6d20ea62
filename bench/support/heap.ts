import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** What stands before a program's path for Node.js, so that it answers `collectedHeapBytes`. It needs an IPC channel. */
export const heapArguments: readonly string[] = [
  '--expose-gc',
  `--import=${new URL('./answer-heap.mjs', import.meta.url).href}`,
];

/** Bytes that V8's heap holds after all garbage has been collected: without that it is a matter of when V8 last cared to. */
export async function collectedHeapBytes(child: ChildProcess): Promise<number> {
  const answer = once(child, 'message', { signal: AbortSignal.timeout(30_000) });
  child.send('heap');
  const [bytes] = (await answer) as [number];
  return bytes;
}
