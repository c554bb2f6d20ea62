import { constants, fstatSync, openSync, write } from 'node:fs';
import { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { isatty } from 'node:tty';
import { doublingMs } from '../backoff.js';

/** Where the bytes go. Rejects with a system error, such as EAGAIN from a pipe that is full. */
export interface OutputTarget {
  /** Resolves with how many bytes were written. */
  write(bytes: Uint8Array): Promise<number>;
}

export interface OutputOptions {
  readonly target: OutputTarget;
  /** Lines that wait beyond this are dropped. */
  readonly maxBytes: number;
  /** The line that reports a gap. */
  readonly gapLine: (dropped: number) => string;
  /** Settles after `ms`, or when the signal aborts. For tests. */
  readonly delay?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

/** As much is written at once. */
const BATCH_BYTES = 65_536;
/** A reader that is behind: retry soon, then less often. */
const FULL_RETRY = { baseMs: 10, capMs: 250 } as const;
/** A disk without space, a reader that is gone, a terminal that was closed. */
const BROKEN_RETRY_MS = 1000;

const isFull = (code: string | undefined) => code === 'EAGAIN' || code === 'EWOULDBLOCK' || code === 'EINTR';

/**
 * Lines on their way to a file descriptor. `write` returns at once and never throws, whatever the destination does: lines wait in
 * a buffer of `maxBytes`; when it is full the newest are dropped and counted, until half of it is free again. A line in the
 * place of the gap then says how many there were. Bytes that were accepted are written in order and exactly once.
 */
export class OutputWriter {
  readonly #options: OutputOptions;
  #maxBytes: number;
  readonly #queue: Buffer[] = [];
  /** Of the batch that is being written: what is left. */
  #batch: Buffer | undefined;
  #bytes = 0;
  #gap = 0;
  #dropped = 0;
  #isPumping = false;
  #isWriting = false;
  #wake = new AbortController();
  #waiting: (() => void)[] = [];
  readonly #listeners = new Set<(dropped: number) => void>();

  constructor(options: OutputOptions) {
    this.#options = options;
    this.#maxBytes = options.maxBytes;
  }

  /** Lines dropped so far. */
  get dropped(): number {
    return this.#dropped;
  }

  get bufferedBytes(): number {
    return this.#bytes;
  }

  /** Whether the kernel has a write of this output that has not returned. */
  get isWriting(): boolean {
    return this.#isWriting;
  }

  set maxBytes(bytes: number) {
    this.#maxBytes = bytes;
  }

  /** Calls the listener with the lines dropped so far, and with each that follows. Returns the function that ends this. */
  onDropped(listener: (dropped: number) => void): () => void {
    this.#listeners.add(listener);
    if (this.#dropped > 0) listener(this.#dropped);
    return () => void this.#listeners.delete(listener);
  }

  /** Accepts a text of whole lines. */
  write(text: string): void {
    const bytes = Buffer.from(text);
    if (this.#gap > 0 || this.#bytes + bytes.length > this.#maxBytes) {
      this.#gap += 1;
      this.#dropped += 1;
      for (const listener of this.#listeners) listener(1);
    } else {
      this.#push(bytes);
    }
    if (!this.#isPumping) void this.#pump();
  }

  /**
   * Resolves when everything is written, the deadline has passed, or the destination cannot be written to for another reason than
   * a reader that is behind. Says whether everything was written.
   */
  async flush(deadlineMs: number): Promise<boolean> {
    if (this.#bytes === 0) return true;
    const settled = new Promise<void>((resolve) => void this.#waiting.push(resolve));
    this.#wake.abort();
    const over = new AbortController();
    // Keeps the process alive, which the writer itself does not.
    const deadline = wait(Math.min(deadlineMs, 2 ** 31 - 1), undefined, { signal: over.signal }).catch(() => {});
    await Promise.race([settled, deadline]);
    over.abort();
    return this.#bytes === 0;
  }

  #push(bytes: Buffer): void {
    this.#queue.push(bytes);
    this.#bytes += bytes.length;
  }

  async #pump(): Promise<void> {
    this.#isPumping = true;
    let failures = 0;
    for (;;) {
      this.#reportGap();
      this.#batch ??= this.#nextBatch();
      if (this.#batch === undefined) break;
      const code = await this.#writeBatch(this.#batch);
      if (code === undefined) {
        failures = 0;
        continue;
      }
      if (!isFull(code)) this.#settle();
      failures += 1;
      await this.#pause(isFull(code) ? doublingMs({ failures, ...FULL_RETRY }) : BROKEN_RETRY_MS);
    }
    this.#isPumping = false;
    this.#settle();
  }

  #reportGap(): void {
    if (this.#gap === 0 || this.#bytes > this.#maxBytes / 2) return;
    this.#push(Buffer.from(this.#options.gapLine(this.#gap)));
    this.#gap = 0;
  }

  #nextBatch(): Buffer | undefined {
    let bytes = 0;
    let count = 0;
    while (count < this.#queue.length && bytes < BATCH_BYTES) bytes += this.#queue[count++]!.length;
    return count === 0 ? undefined : Buffer.concat(this.#queue.splice(0, count), bytes);
  }

  /** Undefined where some bytes were written, else the code of the error. */
  async #writeBatch(batch: Buffer): Promise<string | undefined> {
    this.#isWriting = true;
    try {
      const written = await this.#options.target.write(batch);
      if (written === 0) return 'EAGAIN';
      this.#bytes -= written;
      this.#batch = written < batch.length ? batch.subarray(written) : undefined;
      return undefined;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? 'EIO';
    } finally {
      this.#isWriting = false;
    }
  }

  async #pause(ms: number): Promise<void> {
    const { delay = pause } = this.#options;
    if (this.#wake.signal.aborted) this.#wake = new AbortController();
    await delay(ms, this.#wake.signal).catch(() => {});
  }

  #settle(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** Does not keep the process alive. */
const pause = (ms: number, signal: AbortSignal) => wait(ms, undefined, { signal, ref: false });

/**
 * A file descriptor of this process, such as standard output, written to without ever blocking the event loop. Writes run on a
 * thread of libuv's pool, at most one at a time. That thread must not block either: a process whose pool is blocked cannot
 * exit. So a pipe or a terminal is opened again by its name under /proc, which gives a file description of its own: it can be
 * made non-blocking, and the other processes that share the original one do not notice.
 */
export function openOutput(descriptor: number): OutputTarget {
  let opened: number | undefined;
  return {
    write: async (bytes) => {
      opened ??= withoutBlocking(descriptor);
      return writeTo(opened, bytes);
    },
  };
}

function writeTo(descriptor: number, bytes: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    write(descriptor, bytes, 0, bytes.length, null, (error, written) => {
      if (error === null) resolve(written);
      else reject(error);
    });
  });
}

/** Keeps the sockets' handles, which would close the descriptors with them. */
const kept: Socket[] = [];

function withoutBlocking(descriptor: number): number {
  const stats = fstatSync(descriptor);
  // The descriptor's own position and O_APPEND count. A write to a file is never full, and waits for the disk at most.
  if (stats.isFile()) return descriptor;
  if (!stats.isSocket()) {
    try {
      const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants;
      return openSync(`/proc/self/fd/${descriptor}`, O_WRONLY | O_NONBLOCK | O_NOCTTY);
    } catch (error) {
      // A named pipe without a reader: there may be one later.
      if ((error as NodeJS.ErrnoException).code === 'ENXIO') throw error;
    }
  }
  // A socket has no name, and a pipe of another user may not be opened: the file description that all share is changed.
  if (stats.isSocket() || stats.isFIFO()) {
    const socket = new Socket({ fd: descriptor, readable: false, writable: true });
    socket.on('error', () => {});
    kept.push(socket.unref());
  }
  return descriptor;
}

/** Whether two descriptors lead to the same file, pipe or terminal. */
function isSame(one: number, other: number): boolean {
  try {
    const [first, second] = [fstatSync(one), fstatSync(other)];
    return first.dev === second.dev && first.ino === second.ino;
  } catch {
    return false;
  }
}

/** Standard output and standard error of a process. */
export interface ProcessOutput {
  readonly stdout: OutputWriter;
  readonly stderr: OutputWriter;
}

export interface ProcessOutputOptions {
  readonly maxBytes: number;
  readonly gapLine: (dropped: number) => string;
}

/** Where both lead to the same place they are one writer, so that no line is torn by another. */
export function openProcessOutput(options: ProcessOutputOptions): ProcessOutput {
  const stdout = new OutputWriter({ ...options, target: openOutput(1) });
  if (isSame(1, 2)) return { stdout, stderr: stdout };
  const stderr = new OutputWriter({
    ...options,
    target: openOutput(2),
    gapLine: (dropped) => `sidepipe: ${dropped} lines dropped\n`,
  });
  return { stdout, stderr };
}

/**
 * Leads everything that this process and its dependencies print through these writers: `process.stdout`, `process.stderr`, and so
 * `console`. Node's own streams would block on a file, change the mode of a pipe that is shared, and end the process with an
 * unhandled error; its warnings are written synchronously.
 */
export function takeProcessOutput({ stdout, stderr }: ProcessOutput, redact: (text: string) => string): void {
  replaceStream('stdout', 1, stdout);
  replaceStream('stderr', 2, stderr);
  // None where the user asked Node for silence.
  if (process.listenerCount('warning') === 0) return;
  process.removeAllListeners('warning');
  process.on('warning', ({ name, message }) => stderr.write(`${name}: ${redact(message)}\n`));
}

function replaceStream(name: 'stdout' | 'stderr', descriptor: number, writer: OutputWriter): void {
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      writer.write(chunk.toString('utf8'));
      done();
    },
  });
  Object.assign(stream, { fd: descriptor, isTTY: isatty(descriptor) });
  Object.defineProperty(process, name, { configurable: true, enumerable: true, get: () => stream });
}
