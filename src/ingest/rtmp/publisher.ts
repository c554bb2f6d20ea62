import type { Writable } from 'node:stream';
import { SidepipeError } from '../../errors.js';
import type { PipeEnd, PipeOptions, PublisherCloseReason } from '../publisher.js';
import { createFlvWriter } from './protocol/flv.js';
import { audioCodecOf, parseAudioTag, parseVideoTag, videoConfiguration } from './protocol/media-tag.js';
import type { PublisherEnd, RtmpPublisher } from './server-types.js';
import type { MediaEvent, MetadataEvent } from './session-types.js';

export interface RtmpPublisherOptions {
  /** Whether media with this codec is supported. */
  readonly reads: (codec: string) => boolean;
  /** A message if frames with this configuration exceed the size limit. */
  readonly tooLarge: (codec: string, configuration: Uint8Array) => string | undefined;
  readonly stream: string;
  readonly address: string;
  readonly secure: boolean;
  readonly encoder: string;
  readonly startedAt: number;
  /** The connection that feeds the publisher. */
  readonly connection: {
    readonly receivedBytes: number;
    resume(): void;
    close(reason: PublisherCloseReason, description?: string): void;
  };
}

/** The connection's side of a publisher. */
export interface PublisherFeed {
  readonly publisher: RtmpPublisher;
  take(events: readonly (MediaEvent | MetadataEvent)[]): void;
  /** Whether to stop reading the socket for now. `connection.resume` is called when reading can continue. */
  readonly isBlocked: boolean;
  finish(reason: PublisherEnd): void;
}

interface ActivePipe {
  readonly target: Writable;
  stop(end: PipeEnd): void;
}

const ignore = () => undefined;
const isPicture = ({ type, payload }: MediaEvent | MetadataEvent) =>
  type === 'video' && !parseVideoTag(payload).isSequenceHeader;
/** How much is buffered before the first pipe, to detect the media. */
const INSPECTED_BYTES = 256 * 1024;
/** The maximum size of a kept GOP: 20 s at 12 Mbit/s. */
const MAX_RETAINED_BYTES = 32 * 1024 * 1024;

export function createPublisher({ connection, reads, tooLarge, ...facts }: RtmpPublisherOptions): PublisherFeed {
  const flv = createFlvWriter();
  /** The media before the first pipe; undefined after that. */
  let waiting: (MediaEvent | MetadataEvent)[] | undefined = [];
  let waitingBytes = 0;
  let sawVideo = new AbortController();
  /** Between two configurations: the buffer starts with the second one. */
  let isReconfigured = false;
  /** The media since the newest keyframe; undefined while none is kept. */
  let retained: MediaEvent[] | undefined;
  let retainedBytes = 0;
  let active: ActivePipe | undefined;
  let isFull = false;
  let end: PublisherEnd | undefined;
  let largePictures: string | undefined;
  let settleClosed: (reason: PublisherEnd) => void;
  const closed = new Promise<PublisherEnd>((resolve) => {
    settleClosed = resolve;
  });

  function write(target: Writable, events: readonly (MediaEvent | MetadataEvent)[]): void {
    target.cork();
    let index = 0;
    for (; index < events.length; index++) {
      const event = events[index]!;
      if (flv.isReconfiguration(event)) break;
      const bytes = flv.write(event);
      if (refusal(event) !== undefined) break;
      if (bytes.length > 0) target.write(bytes);
    }
    target.uncork();
    isFull = target.writableNeedDrain;
    if (sendAway(events) || index === events.length) return;
    if (flv.isReconfiguration(events[index]!)) reconfigure(events.slice(index));
  }

  /**
   * Decoders and muxers are set up with the first configuration, and many versions of ffmpeg never accept another one: this target gets
   * no more, and the next one starts with these events.
   */
  function reconfigure(events: readonly (MediaEvent | MetadataEvent)[]): void {
    isReconfigured = true;
    sawVideo = new AbortController();
    waiting = [];
    waitingBytes = 0;
    wait(events);
    active?.stop('reconfigured');
  }

  /** Keeps the media for the start of the next pipe. An endless GOP is not kept. */
  function keep(events: readonly (MediaEvent | MetadataEvent)[]): void {
    if (retained === undefined) return;
    for (const event of events) {
      if (event.type === 'metadata') continue;
      const tag = event.type === 'video' ? parseVideoTag(event.payload) : undefined;
      if (tag?.isKeyframe) clearRetained();
      // The next pipe starts with the newest sequence header anyway, and older media may need another one.
      if (tag?.isSequenceHeader) continue;
      // Useless without its keyframe.
      if (retained.length === 0 && !tag?.isKeyframe) continue;
      retained.push(event);
      retainedBytes += event.payload.length;
      if (retainedBytes > MAX_RETAINED_BYTES) clearRetained();
    }
  }

  function clearRetained(): void {
    if (retained !== undefined) retained.length = 0;
    retainedBytes = 0;
  }

  /** Why no decoder can decode the media up to this event, or should not try: large frames would exhaust its memory first. */
  function refusal({ type, payload }: MediaEvent | MetadataEvent): PublisherCloseReason | undefined {
    const configuration = type === 'video' ? videoConfiguration(payload) : undefined;
    if (configuration !== undefined) largePictures ??= tooLarge(configuration.codec, configuration.record);
    if (largePictures !== undefined) return 'picture-too-large';
    return Object.values(flv.codecs).some((codec) => !reads(codec)) ? 'source-unsupported' : undefined;
  }

  /** Disconnects the publisher if its media must not reach a decoder. */
  function sendAway(events: readonly (MediaEvent | MetadataEvent)[]): boolean {
    const reason = events.map(refusal).find((each) => each !== undefined);
    if (reason !== undefined) connection.close(reason);
    return reason !== undefined;
  }

  /** Buffers and examines what arrives before the first pipe. */
  function wait(events: readonly (MediaEvent | MetadataEvent)[]): void {
    waiting?.push(...events);
    for (const { type, payload } of events) {
      waitingBytes += payload.length;
      if (type === 'metadata') continue;
      const { codec } = type === 'video' ? parseVideoTag(payload) : parseAudioTag(payload);
      if (codec !== undefined) flv.codecs[type] ??= codec;
    }
    if (isReconfigured) for (const event of events) rememberConfiguration(event);
    if (sendAway(events)) return;
    // No more headers of a new configuration follow its first frame.
    const isShown = isReconfigured ? (waiting?.some(isPicture) ?? true) : flv.codecs.video !== undefined;
    if (isShown || waitingBytes >= INSPECTED_BYTES) sawVideo.abort();
  }

  function rememberConfiguration(event: MediaEvent | MetadataEvent): void {
    if (flv.isReconfiguration(event)) flv.remember(event);
  }

  /** Metadata is trusted for what it announces. That it announces no audio is trusted only if it announces the video. */
  function isSilent(): boolean {
    if (flv.codecs.audio !== undefined || waiting?.some(({ type }) => type === 'audio')) return false;
    const told = toldValues();
    return told?.has('videocodecid') === true && !told.has('audiocodecid');
  }

  function toldValues(): MetadataEvent['values'] | undefined {
    return (flv.metadata ?? waiting?.find((event) => event.type === 'metadata'))?.values;
  }

  async function videoCodec(signal: AbortSignal): Promise<string | undefined> {
    const either = AbortSignal.any([signal, sawVideo.signal]);
    // Known from an earlier pipe whose video started late.
    if (flv.codecs.video !== undefined) return flv.codecs.video;
    if (!either.aborted) await new Promise((resolve) => either.addEventListener('abort', resolve, { once: true }));
    return flv.codecs.video;
  }

  function begin(target: Writable, options: PipeOptions): void {
    for (const bytes of flv.begin(options)) target.write(bytes);
    const held = waiting ?? [...(retained ?? [])];
    waiting = undefined;
    isReconfigured = false;
    clearRetained();
    keep(held);
    write(target, held);
  }

  function unblock(): void {
    isFull = false;
    connection.resume();
  }

  function pipe(target: Writable, options: PipeOptions = {}): Promise<PipeEnd> {
    const { signal } = options;
    if (active !== undefined) {
      throw new SidepipeError('A publisher can be piped to only one target at a time.', {
        code: 'internal',
        fault: 'node',
      });
    }
    // Never removed: a late EPIPE from a closed reader must not crash the node.
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
          if (reason === 'publisher-ended' || reason === 'reconfigured') target.end();
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

  const publisher: RtmpPublisher = {
    ...facts,
    format: 'flv',
    codecs: flv.codecs,
    closed,
    get metadata() {
      return flv.metadata?.values;
    },
    get receivedBytes() {
      return connection.receivedBytes;
    },
    pipe,
    retain(isWanted) {
      if (isWanted) retained ??= [];
      else retained = undefined;
      retainedBytes = retained === undefined ? 0 : retainedBytes;
    },
    videoCodec,
    get tooLarge() {
      return largePictures;
    },
    get audioCodec() {
      return flv.codecs.audio ?? audioCodecOf(toldValues()?.get('audiocodecid'));
    },
    get isSilent() {
      return isSilent();
    },
    close: (reason = 'stopped', description) => connection.close(reason, description),
  };

  return {
    publisher,
    get isBlocked() {
      return (waiting !== undefined && sawVideo.signal.aborted) || isFull;
    },
    take(events) {
      if (waiting === undefined) keep(events);
      if (active !== undefined) write(active.target, events);
      else if (waiting !== undefined) wait(events);
      else {
        for (const event of events) flv.remember(event);
        sendAway(events);
      }
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
