import type { Writable } from 'node:stream';
import { SidepipeError } from '../../errors.js';
import type { PipeEnd, PipeOptions, Publisher, PublisherCloseReason } from '../../ingest/publisher.js';
import { createMatroskaWriter } from './matroska.js';
import { type AvcParameterSets, avcRecord, newestSets } from './parameter-sets.js';
import type { MediaUnit } from './receiver.js';

export interface WhipPublisherOptions {
  readonly stream: string;
  readonly address: string;
  readonly secure: boolean;
  readonly encoder: string;
  readonly startedAt: number;
  /** Whether the answer accepts audio. */
  readonly hasAudio: boolean;
  /** From the offer, if it has them. */
  readonly parameterSets: AvcParameterSets | undefined;
  /** A message if frames with this configuration exceed the size limit. */
  readonly tooLarge: (codec: string, configuration: Uint8Array) => string | undefined;
  /** The frame sizes in a configuration; empty if it is invalid. */
  readonly pictureSizes: (
    codec: string,
    configuration: Uint8Array,
  ) => readonly { readonly width: number; readonly height: number }[];
  readonly session: {
    readonly receivedBytes: number;
    requestKeyframe(): void;
    close(reason: PublisherCloseReason): void;
  };
}

/** How long audio may take behind the first keyframe; audio that comes later starts another configuration. */
const AUDIO_WAIT_MS = 500;
/** The maximum size of a kept GOP: 20 s at 12 Mbit/s. */
const MOST_KEPT_BYTES = 32 * 1024 * 1024;
/** What a target may leave unread, before media is dropped up to the next keyframe: a sender of UDP cannot be paused. */
const MOST_UNREAD_BYTES = 8 * 1024 * 1024;

interface ActivePipe {
  readonly target: Writable;
  readonly flushKeyframes: boolean;
  /** Whether the header was written. */
  isOpen: boolean;
  /** Too much is unread: nothing is written before the next keyframe. */
  isDropping: boolean;
  stop(end: PipeEnd): void;
}

/** What the header of the container says. */
interface MediaConfiguration {
  readonly record: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly hasAudio: boolean;
}

const ignore = () => undefined;

/** A publisher over WHIP: access units to Matroska. */
export class WhipPublisher implements Publisher {
  readonly format = 'matroska';
  readonly stream: string;
  readonly address: string;
  readonly secure: boolean;
  readonly encoder: string;
  readonly startedAt: number;
  readonly codecs: { video?: string; audio?: string } = {};
  readonly closed: Promise<string>;
  readonly #options: WhipPublisherOptions;
  readonly #writer = createMatroskaWriter();
  #settleClosed!: (reason: string) => void;
  #end: string | undefined;
  #tooLarge: string | undefined;
  #sets: AvcParameterSets | undefined;
  /** Undefined until the media has revealed it. */
  #configuration: MediaConfiguration | undefined;
  #known = new AbortController();
  /** When the first keyframe arrived, on the timeline of the media. */
  #keyframeMs: number | undefined;
  /** The media since the newest keyframe, for the next pipe. */
  #kept: MediaUnit[] = [];
  #keptBytes = 0;
  /** Whether media is kept: before the first pipe, when a stream wants it, and between two configurations. */
  #isWaiting = true;
  #isRetained = false;
  #active: ActivePipe | undefined;

  constructor(options: WhipPublisherOptions) {
    const { stream, address, secure, encoder, startedAt, parameterSets } = options;
    this.stream = stream;
    this.address = address;
    this.secure = secure;
    this.encoder = encoder;
    this.startedAt = startedAt;
    this.#options = options;
    this.#sets = parameterSets;
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
  }

  get receivedBytes(): number {
    return this.#options.session.receivedBytes;
  }

  get tooLarge(): string | undefined {
    return this.#tooLarge;
  }

  get audioCodec(): string | undefined {
    return this.codecs.audio;
  }

  /** Known once the video codec is. */
  get isSilent(): boolean {
    return this.#configuration?.hasAudio === false;
  }

  retain(isWanted: boolean): void {
    this.#isRetained = isWanted;
    if (!isWanted && !this.#isWaiting) this.#forget();
  }

  close(reason: PublisherCloseReason = 'stopped'): void {
    this.#options.session.close(reason);
  }

  async videoCodec(signal: AbortSignal): Promise<string | undefined> {
    const either = AbortSignal.any([signal, this.#known.signal]);
    if (!either.aborted) await new Promise((resolve) => either.addEventListener('abort', resolve, { once: true }));
    return this.#configuration === undefined ? undefined : this.codecs.video;
  }

  requestKeyframe(): void {
    this.#options.session.requestKeyframe();
  }

  pipe(target: Writable, { signal, flushKeyframes = false }: PipeOptions = {}): Promise<PipeEnd> {
    if (this.#active !== undefined) {
      const message = 'A publisher can be piped to only one target at a time.';
      throw new SidepipeError(message, { code: 'internal', fault: 'node' });
    }
    // Never removed: a late EPIPE from a closed reader must not crash the node.
    target.on('error', ignore);
    if (signal?.aborted) return Promise.resolve('aborted');
    if (target.destroyed || target.writableEnded) return Promise.resolve('target-closed');
    return new Promise((resolve) => {
      const onAbort = () => pipeNow.stop('aborted');
      const onGone = () => pipeNow.stop('target-closed');
      const pipeNow: ActivePipe = {
        ...{ target, flushKeyframes, isOpen: false, isDropping: false },
        stop: (reason) => {
          if (this.#active === pipeNow) this.#active = undefined;
          signal?.removeEventListener('abort', onAbort);
          target.off('close', onGone).off('error', onGone);
          if (reason === 'publisher-ended' || reason === 'reconfigured') target.end();
          resolve(reason);
        },
      };
      this.#active = pipeNow;
      signal?.addEventListener('abort', onAbort, { once: true });
      target.on('close', onGone).on('error', onGone);
      if (this.#configuration !== undefined) this.#open(pipeNow, this.#configuration);
      if (this.#end !== undefined) pipeNow.stop('publisher-ended');
    });
  }

  /** Takes media as it arrives. */
  take(units: readonly MediaUnit[]): void {
    for (const unit of units) if (this.#end === undefined) this.#take(unit);
  }

  /** The session has ended. */
  finish(reason: string): void {
    if (this.#end !== undefined) return;
    this.#end = reason;
    this.#known.abort();
    this.#active?.stop('publisher-ended');
    this.#forget();
    this.#settleClosed(reason);
  }

  #take(unit: MediaUnit): void {
    if (unit.kind === 'video') this.#inspectVideo(unit);
    else this.#inspectAudio();
    if (this.#end !== undefined || this.#tooLarge !== undefined) return;
    this.#configure(unit);
    if (this.#active?.isOpen) {
      if (this.#isRetained) this.#keep(unit);
      this.#write(this.#active, unit);
    } else if (this.#isWaiting || this.#isRetained) {
      this.#keep(unit);
      if (this.#active !== undefined && this.#configuration !== undefined)
        this.#open(this.#active, this.#configuration);
    }
  }

  #inspectVideo({ payload, isKeyframe, timeMs }: MediaUnit): void {
    const sets = newestSets(payload, this.#sets);
    const isChanged = this.#configuration !== undefined && sets !== this.#sets;
    this.#sets = sets;
    if (isKeyframe) this.#keyframeMs ??= timeMs;
    if (isChanged) this.#reconfigure();
  }

  /** Audio that starts after the header was written needs another header. */
  #inspectAudio(): void {
    if (this.codecs.audio !== undefined) return;
    this.codecs.audio = 'opus';
    if (this.#configuration?.hasAudio !== false) return;
    this.#reconfigure();
    this.#options.session.requestKeyframe();
  }

  /**
   * Decoders and muxers are set up with the first configuration, and many versions of ffmpeg never accept another one: this target gets no
   * more, and the next one starts with the new configuration.
   */
  #reconfigure(): void {
    this.#configuration = undefined;
    this.#keyframeMs = undefined;
    this.#known = new AbortController();
    this.#isWaiting = true;
    this.#forget();
    this.#active?.stop('reconfigured');
  }

  /** Decides what the header says, as soon as there is a keyframe and audio has had the time to arrive. */
  #configure({ kind, isKeyframe, timeMs }: MediaUnit): void {
    if (this.#configuration !== undefined || this.#sets === undefined) return;
    if (kind === 'video' && isKeyframe) this.#keyframeMs ??= timeMs;
    if (this.#keyframeMs === undefined) return;
    const { hasAudio, tooLarge, pictureSizes, session } = this.#options;
    const awaitsAudio = hasAudio && this.codecs.audio === undefined && timeMs - this.#keyframeMs < AUDIO_WAIT_MS;
    if (awaitsAudio) return;
    const record = avcRecord(this.#sets);
    this.#tooLarge = tooLarge('h264', record);
    if (this.#tooLarge !== undefined) return void session.close('picture-too-large');
    const [size] = pictureSizes('h264', record);
    if (size === undefined) return void session.close('source-unsupported');
    this.codecs.video = 'h264';
    this.#configuration = { record, ...size, hasAudio: this.codecs.audio !== undefined };
    this.#known.abort();
  }

  #open(pipe: ActivePipe, configuration: MediaConfiguration): void {
    const { target, flushKeyframes } = pipe;
    pipe.isOpen = true;
    this.#isWaiting = false;
    target.cork();
    target.write(this.#writer.begin(configuration, { flushKeyframes }));
    const kept = this.#kept;
    if (kept.length === 0) this.#options.session.requestKeyframe();
    if (!this.#isRetained) this.#forget();
    for (const unit of kept) this.#write(pipe, unit);
    target.uncork();
  }

  #write(pipe: ActivePipe, unit: MediaUnit): void {
    const { target } = pipe;
    if (pipe.isDropping) {
      if (unit.kind !== 'video' || !unit.isKeyframe || target.writableLength > MOST_UNREAD_BYTES / 2) return;
      pipe.isDropping = false;
    } else if (target.writableLength > MOST_UNREAD_BYTES) {
      pipe.isDropping = true;
      this.#options.session.requestKeyframe();
      return;
    }
    const bytes = this.#writer.write(unit);
    if (bytes.length > 0) target.write(bytes);
  }

  /** Keeps the media for the start of the next pipe. An endless GOP is not kept. */
  #keep(unit: MediaUnit): void {
    if (unit.kind === 'video' && unit.isKeyframe) this.#forget();
    // Useless without its keyframe.
    if (this.#kept.length === 0 && !(unit.kind === 'video' && unit.isKeyframe)) return;
    this.#kept.push(unit);
    this.#keptBytes += unit.payload.reduce((sum, { length }) => sum + length, 0);
    if (this.#keptBytes <= MOST_KEPT_BYTES) return;
    this.#forget();
    this.#options.session.requestKeyframe();
  }

  #forget(): void {
    this.#kept = [];
    this.#keptBytes = 0;
  }
}
