import type { Writable } from 'node:stream';
import { SidepipeError } from '../../errors.js';
import { createFlvWriter } from './flv.js';
import { parseVideoTag } from './media-tag.js';
import type { PipeEnd, PipeOptions, Publisher, PublisherEnd } from './server-types.js';
import type { CloseReason, MediaEvent, MetadataEvent } from './session-types.js';

export interface PublisherOptions {
  /** Whether media with this codec can be worked with. */
  readonly reads: (codec: string) => boolean;
  readonly stream: string;
  readonly address: string;
  readonly secure: boolean;
  readonly encoder: string;
  readonly startedAt: number;
  /** The connection that feeds the publisher. */
  readonly connection: { readonly receivedBytes: number; resume(): void; close(reason: CloseReason): void };
}

/** The connection's side of a publisher. */
export interface PublisherFeed {
  readonly publisher: Publisher;
  take(events: readonly (MediaEvent | MetadataEvent)[]): void;
  /** Whether the socket should be left unread for now. `connection.resume` tells when that is over. */
  readonly isBlocked: boolean;
  finish(reason: PublisherEnd): void;
}

interface ActivePipe {
  readonly target: Writable;
  stop(end: PipeEnd): void;
}

const ignore = () => undefined;
/** So much is taken in before anyone wants it, to see what it is. */
const INSPECTED_BYTES = 256 * 1024;

export function createPublisher({ connection, reads, ...facts }: PublisherOptions): PublisherFeed {
  const flv = createFlvWriter();
  /** What came before the first pipe; undefined from then on. */
  let waiting: (MediaEvent | MetadataEvent)[] | undefined = [];
  let waitingBytes = 0;
  const sawVideo = new AbortController();
  let active: ActivePipe | undefined;
  let isFull = false;
  let end: PublisherEnd | undefined;
  let settleClosed: (reason: PublisherEnd) => void;
  const closed = new Promise<PublisherEnd>((resolve) => {
    settleClosed = resolve;
  });

  function write(target: Writable, events: readonly (MediaEvent | MetadataEvent)[]): void {
    target.cork();
    for (const event of events) {
      const bytes = flv.write(event);
      if (isUnreadable()) break;
      if (bytes.length > 0) target.write(bytes);
    }
    target.uncork();
    isFull = target.writableNeedDrain;
    if (isUnreadable()) connection.close('source-unsupported');
  }

  function isUnreadable(): boolean {
    return Object.values(flv.codecs).some((codec) => !reads(codec));
  }

  /** Takes in what comes before the first pipe, and looks what it is. */
  function wait(events: readonly (MediaEvent | MetadataEvent)[]): void {
    waiting?.push(...events);
    for (const { type, payload } of events) {
      waitingBytes += payload.length;
      const codec = type === 'video' ? parseVideoTag(payload).codec : undefined;
      if (codec !== undefined) flv.codecs.video ??= codec;
    }
    if (flv.codecs.video !== undefined || waitingBytes >= INSPECTED_BYTES) sawVideo.abort();
  }

  /** Metadata is believed in what it promises, and in what it leaves out only where it names the video. */
  function isSilent(): boolean {
    if (flv.codecs.audio !== undefined || waiting?.some(({ type }) => type === 'audio')) return false;
    const told = flv.metadata ?? waiting?.find((event) => event.type === 'metadata');
    return told?.values.has('videocodecid') === true && !told.values.has('audiocodecid');
  }

  async function videoCodec(signal: AbortSignal): Promise<string | undefined> {
    const either = AbortSignal.any([signal, sawVideo.signal]);
    if (!either.aborted) await new Promise((resolve) => either.addEventListener('abort', resolve, { once: true }));
    return flv.codecs.video;
  }

  function begin(target: Writable, options: PipeOptions): void {
    for (const bytes of flv.begin(options)) target.write(bytes);
    write(target, waiting ?? []);
    waiting = undefined;
  }

  function unblock(): void {
    isFull = false;
    connection.resume();
  }

  function pipe(target: Writable, options: PipeOptions = {}): Promise<PipeEnd> {
    const { signal } = options;
    if (active !== undefined) {
      throw new SidepipeError('A publisher can be piped to one target at a time.', { code: 'internal', fault: 'node' });
    }
    // Stays on for good: a late EPIPE of a dead reader must not bring the node down.
    target.on('error', ignore);
    if (signal?.aborted) return Promise.resolve('aborted');
    if (target.destroyed || target.writableEnded) return Promise.resolve('target-closed');
    return new Promise((resolve) => {
      const onAbort = () => pipeNow.stop('aborted');
      const onGone = () => pipeNow.stop('target-closed');
      const pipeNow: ActivePipe = {
        target,
        stop(reason) {
          active = undefined;
          signal?.removeEventListener('abort', onAbort);
          target.off('drain', unblock).off('close', onGone).off('error', onGone);
          if (reason === 'publisher-ended') target.end();
          else unblock();
          resolve(reason);
        },
      };
      active = pipeNow;
      signal?.addEventListener('abort', onAbort, { once: true });
      target.on('drain', unblock).on('close', onGone).on('error', onGone);
      begin(target, options);
      if (end !== undefined) pipeNow.stop('publisher-ended');
      else if (!isFull) unblock();
    });
  }

  const publisher: Publisher = {
    ...facts,
    codecs: flv.codecs,
    closed,
    get metadata() {
      return flv.metadata?.values;
    },
    get receivedBytes() {
      return connection.receivedBytes;
    },
    pipe,
    videoCodec,
    get isSilent() {
      return isSilent();
    },
    close: (reason = 'stopped') => connection.close(reason),
  };

  return {
    publisher,
    get isBlocked() {
      return (waiting !== undefined && sawVideo.signal.aborted) || isFull;
    },
    take(events) {
      if (active !== undefined) write(active.target, events);
      else if (waiting !== undefined) wait(events);
      else for (const event of events) flv.remember(event);
    },
    finish(reason) {
      if (end !== undefined) return;
      end = reason;
      sawVideo.abort();
      active?.stop('publisher-ended');
      settleClosed(reason);
    },
  };
}
