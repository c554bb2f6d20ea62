import { resolve } from 'node:path';
import { NodeClock } from './clock.js';
import { checkConfig } from './config/parse.js';
import { configInvalid, formatPath } from './config/problems.js';
import { collectSecrets, createRedactor } from './config/redact.js';
import type { Config, StreamConfig, StreamInput, ThumbnailInput } from './config/schema/schema.js';
import type { SidepipeError } from './errors.js';
import { type Subscription, Topic } from './events/topic.js';
import { readCapabilities } from './ffmpeg/capabilities.js';
import { passedEnvironment } from './ffmpeg/environment.js';
import { createOrphanGuard } from './ffmpeg/guard.js';
import { findFfmpeg } from './ffmpeg/locate.js';
import type { LogLine } from './ffmpeg/log/log-line.js';
import { FIRST_CHOICE } from './frames/decode.js';
import type { Frame } from './frames/frame.js';
import { sourceAsFound } from './ingest/found-kind.js';
import { createEgress } from './ingest/relay/egress.js';
import { readSource } from './ingest/source.js';
import { fixedDecode } from './stream/outputs/plan.js';
import { firstNeeds } from './stream/outputs/source-needs.js';
import { defaultRestartPolicy, failuresAfter, restartDelayMs } from './stream/run/restart-policy.js';
import { StreamRun } from './stream/run/run.js';
import { type FfmpegTools, runLimitsOf, type StreamRunOptions } from './stream/run/run-options.js';
import { systemOf } from './stream/system.js';

/** `sidepipe/frames`: the frame pipeline alone, for programs that only want pictures of a source. */

export type { StreamInput, ThumbnailInput } from './config/schema/schema.js';
export { type ErrorCode, type Fault, SidepipeError, type SidepipeErrorOptions } from './errors.js';
export type { DecodedPicture, Frame } from './frames/frame.js';

/**
 * What is captured, and how: settings of a stream (`source` and how it is opened) and of its thumbnail (`intervalSeconds`,
 * `width` and `height` in pixels, …) by the names and bounds of docs/configuration.md, and what only a program can tell.
 */
export interface CaptureOptions
  extends Pick<ThumbnailInput, 'intervalSeconds' | 'width' | 'height' | 'decode' | 'deblock'>,
    Pick<StreamInput, 'source' | 'loop' | 'rtsp' | 'input' | 'device'> {
  /** The ffmpeg binary. Default: the one that comes with the package. */
  readonly ffmpegPath?: string;
  /** Unread frames that are kept; beyond it the oldest is dropped. Default 1: always the newest. */
  readonly limit?: number;
  /** Ends the capture when it aborts. */
  readonly signal?: AbortSignal;
  /** Told each time that the source is lost and tried again. */
  readonly onTrouble?: (error: SidepipeError) => void;
}

/** One picture: packed RGB, 3 bytes a pixel, rows without padding, top row first. It is the reader's own. */
export type CapturedFrame = Frame;

/** An endless series of frames: a source that is lost is tried again, with growing pauses, until `close`. */
export interface FrameCapture extends AsyncIterableIterator<CapturedFrame, undefined> {
  /** Frames that were not read in time. */
  readonly dropped: number;
  /** Ends ffmpeg, then the series. */
  close(): Promise<void>;
}

/**
 * Captures pictures of a source, `intervalSeconds` (default 5) apart, fitted into `width` × `height` (default 1280 × 720), by one
 * ffmpeg process. Ends when a file ends that is not looped, and when the loop over it is left. Throws `config-invalid` at once, naming
 * the option; reading throws `ffmpeg-unusable`, `source-refused` or `source-unsupported` where trying again is of no use.
 *
 * @example
 * for await (const frame of captureFrames({ source: 'rtsp://camera/1', intervalSeconds: 10 })) {
 *   await sharp(frame.data, { raw: { width: frame.width, height: frame.height, channels: 3 } }).toFile('still.jpg');
 * }
 */
export function captureFrames(options: CaptureOptions): FrameCapture {
  const capture = new Capture(configOf(options), options);
  capture.start();
  return capture;
}

class Capture implements FrameCapture {
  readonly #config: Config;
  readonly #options: CaptureOptions;
  readonly #closing = new AbortController();
  readonly #topic = new Topic<CapturedFrame>();
  readonly #frames: Subscription<CapturedFrame>;
  #run: StreamRun | undefined;
  #running: Promise<void> | undefined;
  readonly #clock = new NodeClock();
  readonly #system = systemOf(this.#clock);
  #failure: unknown;
  #sequence = 0;

  constructor(config: Config, options: CaptureOptions) {
    this.#config = config;
    this.#options = options;
    this.#frames = this.#topic.subscribe({ limit: options.limit ?? 1 });
  }

  start(): void {
    const { signal } = this.#options;
    // A signal often lives longer than the capture.
    signal?.addEventListener('abort', () => void this.close(), { once: true, signal: this.#closing.signal });
    this.#running = this.#capture()
      .catch((error: unknown) => {
        this.#failure = error;
      })
      .finally(() => {
        this.#closing.abort();
        this.#topic.close();
      });
    if (signal?.aborted) void this.close();
  }

  get dropped(): number {
    return this.#frames.dropped;
  }

  async next(): Promise<IteratorResult<CapturedFrame, undefined>> {
    const result = await this.#frames.next();
    const failure = this.#failure;
    if (result.done !== true || failure === undefined) return result;
    this.#failure = undefined;
    throw failure;
  }

  async return(): Promise<IteratorResult<CapturedFrame, undefined>> {
    await this.close();
    return { value: undefined, done: true };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#frames.close();
    await this.#run?.stop();
    await this.#running;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #capture(): Promise<void> {
    const capabilities = await readCapabilities(
      await findFfmpeg(this.#config.ffmpeg.path),
      undefined,
      passedEnvironment(process.env, this.#config.ffmpeg.environment),
    );
    const guard = await createOrphanGuard({});
    const egress = createEgress();
    await egress.start();
    try {
      await this.#supervise({ capabilities, guard, egress });
    } finally {
      await egress.close();
      await guard.close();
    }
  }

  /** Begins ffmpeg anew whenever it ends, until there is no use in it. */
  async #supervise(ffmpeg: FfmpegTools): Promise<void> {
    const { signal } = this.#closing;
    const config = this.#config.streams[0]!;
    let source = sourceOf(config);
    let decode = fixedDecode(config, source);
    let needs = firstNeeds(config, source);
    let isFound = false;
    let failures = 0;
    let attempt = 0;
    while (!signal.aborted) {
      let firstAt: number | undefined;
      let opened: readonly LogLine[] = [];
      this.#run = new StreamRun({
        ...this.#runOptions(ffmpeg),
        settings: {
          source,
          needs,
          decode: decode ?? FIRST_CHOICE,
          isDecodeOpen: decode === undefined,
          encoders: new Map(),
        },
        part: { file: undefined, attempt },
        frames: {
          // A new buffer for each: it belongs to the reader from then on.
          acquire: (bytes) => new Uint8Array(bytes),
          offer: (picture, capturedAt) => {
            firstAt ??= this.#clock.now();
            const date = this.#clock.dateOf(capturedAt);
            this.#topic.publish({ ...picture, capturedAt: date, sequence: this.#sequence++ });
          },
        },
        listener: {
          part: () => {},
          line: (line) => {
            if (line.text.startsWith('Input #0')) opened = [line];
          },
        },
      });
      const end = await this.#run.run();
      if (end.kind === 'stopped' || end.kind === 'ended') return;
      if (end.kind === 'replanned') {
        if ('decode' in end) decode = end.decode;
        if ('needs' in end) needs = end.needs;
        continue;
      }
      if (end.kind === 'continued') continue;
      const found = sourceAsFound(source, [...opened, ...this.#run.log()]);
      source = found ?? source;
      // At once, but only once: the source may be this now and that at the next time.
      if (found !== undefined && !isFound) {
        isFound = true;
        continue;
      }
      if (end.error.fault === 'caller') throw end.error;
      this.#options.onTrouble?.(end.error);
      failures = failuresAfter(defaultRestartPolicy, failures, firstAt === undefined ? 0 : this.#clock.now() - firstAt);
      attempt = firstAt === undefined ? attempt + 1 : 0;
      await this.#system.delay(restartDelayMs(defaultRestartPolicy, failures, Math.random()), signal).catch(() => {});
    }
  }

  #runOptions(ffmpeg: FfmpegTools): Omit<StreamRunOptions, 'settings' | 'part' | 'frames' | 'listener'> {
    return {
      config: this.#config.streams[0]!,
      makesMedia: false,
      feed: undefined,
      policy: undefined,
      ffmpeg,
      limits: runLimitsOf(this.#config.ffmpeg),
      system: this.#system,
      redact: createRedactor(collectSecrets(this.#config)),
      snapshots: { isWanted: false, from: () => {}, offer: () => {}, fail: () => {} },
    };
  }
}

/** The options as a configuration of one stream. What is wrong is told by the option's own name. */
function configOf(options: CaptureOptions): Config {
  const { source, loop, rtsp, input, device, ffmpegPath, limit, signal: _, onTrouble: __, ...thumbnail } = options;
  const stream = { name: 'capture', source, loop, rtsp, input, device };
  // A picture's age is the reader's matter.
  const ageless = { staleAfterSeconds: 86_400, offlineAfterSeconds: 86_400 };
  const { config, findings } = checkConfig({
    ffmpeg: { path: ffmpegPath },
    streams: [{ ...stream, thumbnail: { ...thumbnail, ...ageless } }],
  });
  const problems = findings.map(({ path, message }) => ({ path: optionOf(formatPath(path)), message }));
  if (limit !== undefined && !(Number.isInteger(limit) && limit >= 1 && limit <= 1000))
    problems.push({ path: 'limit', message: 'expected a whole number from 1 to 1000' });
  if (source === 'push' || (config !== undefined && sourceOf(config.streams[0]!).kind === 'directory'))
    problems.push({ path: 'source', message: `a ${source === 'push' ? 'publisher' : 'directory'} is for a node only` });
  if (config === undefined || problems.length > 0) throw configInvalid(problems);
  return config;
}

function sourceOf({ source, input }: StreamConfig) {
  return readSource(source, (path) => resolve(path), input.format);
}

function optionOf(path: string): string {
  return path.replace(/^streams\[0\]\.(?:thumbnail\.)?/, '').replace(/^ffmpeg\.path$/, 'ffmpegPath');
}
