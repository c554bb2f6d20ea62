import { once } from 'node:events';
import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Config, StreamConfig } from '../config/schema/schema.js';
import { messageOf, SidepipeError } from '../errors.js';
import type { Capabilities } from '../ffmpeg/capabilities.js';
import { type Child, spawnChild, stopChild } from '../ffmpeg/child.js';
import type { OrphanGuard } from '../ffmpeg/guard.js';
import type { LogLine } from '../ffmpeg/log/log-line.js';
import { LogTail } from '../ffmpeg/log/log-tail.js';
import { RedirectLoop } from '../ffmpeg/log/redirects.js';
import { type PlaylistFile, playlistOf } from '../ingest/directory.js';
import { sourceAsFound } from '../ingest/found-kind.js';
import type { Egress } from '../ingest/relay/egress.js';
import { openRoute } from '../ingest/route.js';
import { readSource, type Source, srtMode, type UnknownSource } from '../ingest/source.js';
import { planStream, srtPlaylistOf, waitFor } from '../stream/outputs/plan.js';
import { codecsOf } from '../stream/outputs/source-needs.js';
import { endOfItself } from '../stream/run/run-end.js';
import type { Check, CheckResult } from './check.js';
import { findingsOf } from './source-advice.js';
import { type SourceMedia, SourceMediaReader } from './source-media.js';
import { remedyOf } from './source-remedies.js';
import { LEAST_SEGMENT_BYTES } from './store.js';

/** The result of opening one configured source. */
export type SourceFound =
  | { readonly kind: 'media'; readonly media: SourceMedia }
  /** The node generates the video itself. */
  | { readonly kind: 'made' }
  /** The source waits for another program: a publisher or a caller. */
  | { readonly kind: 'waiting'; readonly detail: string }
  | { readonly kind: 'failed'; readonly error: SidepipeError };

export interface SourceTools {
  readonly capabilities: Capabilities;
  readonly guard: Pick<OrphanGuard, 'wrap' | 'watch'>;
  readonly egress: Pick<Egress, 'environment' | 'conceal' | 'isOwn'>;
  readonly redact: (text: string) => string;
}

/** Number of sources opened at a time: cameras may share a switch, and nothing is decoded. */
const SOURCES_AT_ONCE = 4;
/** Enough video: two keyframe intervals, or this many seconds. */
const ENOUGH_KEYFRAMES = 3;
const ENOUGH_SECONDS = 4;
const MOST_SECONDS = 25;
/** Duration from the first packet. Longer while no keyframe interval is known. */
const LOOK_MS = 6000;
const LONG_LOOK_MS = 12_000;
/** Used if the source's kind has no timeout. */
const CONNECT_SECONDS = 30;

/** Maximum duration for one source. */
function patienceMs(config: StreamConfig): number {
  return connectMsOf(config) + LONG_LOOK_MS;
}

function connectMsOf(config: StreamConfig): number {
  return (waitFor(config, sourceOf(config)).connectSeconds ?? CONNECT_SECONDS) * 1000;
}

/** Opens every source as a node would, a few at a time. Results are in the order of the streams. */
export async function surveySources(
  { streams }: Pick<Config, 'streams'>,
  tools: SourceTools,
  signal: AbortSignal,
): Promise<readonly SourceFound[]> {
  const found = new Array<SourceFound>(streams.length);
  let next = 0;
  const work = async () => {
    for (let index = next++; index < streams.length; index = next++) {
      found[index] = await openSource(streams[index]!, tools, signal).catch((error: unknown): SourceFound => {
        signal.throwIfAborted();
        return { kind: 'failed', error: asError(error) };
      });
    }
  };
  await Promise.all(Array.from({ length: Math.min(SOURCES_AT_ONCE, streams.length) }, work));
  return found;
}

function asError(error: unknown): SidepipeError {
  if (error instanceof SidepipeError) return error;
  return new SidepipeError(messageOf(error), { code: 'internal', fault: 'node', cause: error });
}

function sourceOf({ source, input }: StreamConfig): Source | UnknownSource {
  return readSource(source, (path) => resolve(path), input.format);
}

async function openSource(config: StreamConfig, tools: SourceTools, signal: AbortSignal): Promise<SourceFound> {
  const source = sourceOf(config);
  if (source.kind === 'unknown') throw source.problem;
  if (source.kind === 'test') return { kind: 'made' };
  if (source.kind === 'push') return { kind: 'waiting', detail: 'waits for a publisher (RTMP)' };
  if (source.kind === 'srt' && srtMode(source.url, config.srt.mode) !== 'caller')
    return { kind: 'waiting', detail: 'waits for a caller (SRT)' };
  const file = await playlistOf(source, false)?.next();
  const srtPlaylist = (url: string) => srtPlaylistOf({ config, source, capabilities: tools.capabilities }, url);
  try {
    const open = async (as: Source, mayBeOther: boolean, withAudio = true): Promise<SourceFound> => {
      const route = await openRoute({ source: as, attempt: 0, file, srtPlaylist, egress: tools.egress });
      const look = new SourceLook({ config, source: as, file, url: route.url, withAudio, ...tools });
      try {
        return await look.run(signal);
      } catch (error) {
        const found = mayBeOther ? sourceAsFound(as, look.log()) : undefined;
        if (found !== undefined) return await open(found, false);
        if (!withAudio || !look.hasSilentAudio) throw error;
        return await open(as, false, false);
      } finally {
        route.close();
      }
    };
    return await open(source, true);
  } finally {
    await file?.handle.close();
  }
}

interface LookOptions extends SourceTools {
  readonly config: StreamConfig;
  readonly source: Source;
  readonly file: PlaylistFile | undefined;
  /** The input that is opened in place of the source. */
  readonly url: string | undefined;
  /** False: excludes audio that never arrives, which would keep ffmpeg from writing its list. */
  readonly withAudio: boolean;
}

/** One ffmpeg process that opens one source, and its output. */
class SourceLook {
  readonly #options: LookOptions;
  readonly #reader = new SourceMediaReader();
  readonly #redirects = new RedirectLoop();
  /** The log at the time when ffmpeg entered a loop. */
  #unreachable: readonly LogLine[] | undefined;
  readonly #tail: LogTail;
  readonly #enough = new AbortController();
  /** Nothing arrived in time. */
  readonly #late = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #firstAt: number | undefined;

  constructor(options: LookOptions) {
    this.#options = options;
    this.#tail = new LogTail({ redact: options.redact, onLine: ({ text }) => this.#line(text) });
  }

  /** The last relevant lines of ffmpeg's log. */
  log(): readonly LogLine[] {
    return this.#tail.lines();
  }

  /** Whether announced audio has not arrived. */
  get hasSilentAudio(): boolean {
    return codecsOf(this.#reader.media()).isAudioSilent ?? false;
  }

  #line(text: string): void {
    this.#reader.log(text);
    if (this.#unreachable !== undefined || !this.#redirects.isEndless(text)) return;
    // Later lines would push the reason out of the log's tail.
    this.#unreachable = this.#tail.lines();
    this.#enough.abort();
  }

  async run(signal: AbortSignal): Promise<SourceFound> {
    const { config, source } = this.#options;
    const child = await this.#spawn();
    this.#read(child);
    const connectMs = connectMsOf(config);
    this.#timer = setTimeout(() => this.#late.abort(), connectMs);
    const over = AbortSignal.any([signal, this.#late.signal, this.#enough.signal]);
    void child.exited.then(() => this.#enough.abort());
    if (!over.aborted) await once(over, 'abort');
    const exit = await stopChild(child, { delay: (ms, until) => pause(ms, undefined, { signal: until }), askMs: 500 });
    clearTimeout(this.#timer);
    this.#tail.close();
    signal.throwIfAborted();
    const media = this.#reader.media();
    if (media.packets.videoPackets > 0) return { kind: 'media', media };
    if (exit.signal !== null && CRASHES.has(exit.signal)) throw crashed(exit.signal);
    if (this.#late.signal.aborted) throw silent(connectMs);
    const tail = { lines: () => this.#unreachable ?? this.#tail.lines() };
    // A signal sent from here says nothing about the source.
    const ended = this.#unreachable === undefined ? exit : { code: 1, signal: null };
    const end = endOfItself({ exit: ended, config: { ...config, loop: true }, source, tail });
    throw end.kind === 'failed' ? end.error : silent(connectMs);
  }

  #spawn(): Promise<Child> {
    const { config, source, capabilities, file, url, guard, egress, withAudio } = this.#options;
    const { input } = planStream({ config, source, capabilities, makesMedia: false, sourceUrl: url });
    const args = [
      ...['-nostdin', '-hide_banner', '-nostats', '-loglevel', 'level+info'],
      // A recording can be read faster than real time.
      ...input.filter((argument) => argument !== '-re'),
      ...['-map', '0:V:0', ...(withAudio ? ['-map', '0:a:0?'] : []), '-sn', '-dn', '-c', 'copy'],
      // Video must not wait for audio that never arrives.
      ...['-max_interleave_delta', '1000', '-flush_packets', '1', '-f', 'framecrc', 'pipe:1'],
    ];
    const spawned = spawnChild({
      ...guard.wrap(capabilities.path, args),
      environment: { ...capabilities.environment, ...egress.environment() },
      media: file?.handle.fd ?? false,
    });
    return spawned.then((child) => {
      void child.exited.then(guard.watch(child.pid));
      return child;
    });
  }

  #read(child: Child): void {
    child.side.resume();
    child.packets.resume();
    child.stderr.on('data', (piece: Buffer) => this.#tail.push(piece));
    let unfinished = '';
    child.stdout.on('data', (piece: Buffer) => {
      // A line has about 60 characters; anything longer is not a line.
      const lines = (unfinished + piece.toString('latin1')).split('\n');
      unfinished = (lines.pop() ?? '').slice(0, 4096);
      for (const line of lines) this.#reader.packet(line);
      if (!this.#enough.signal.aborted) this.#look();
    });
  }

  /** Ends as soon as everything is known. */
  #look(): void {
    const { videoPackets, keyframes, seconds } = this.#reader.seen;
    if (videoPackets === 0) return;
    if (this.#firstAt === undefined) {
      this.#firstAt = performance.now();
      // A source that stops sending now must not take longer than another.
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#enough.abort(), LONG_LOOK_MS);
    }
    const lookedMs = performance.now() - this.#firstAt;
    const isKnown = keyframes >= ENOUGH_KEYFRAMES && seconds >= ENOUGH_SECONDS;
    const isLong = lookedMs >= (keyframes < 2 ? LONG_LOOK_MS : LOOK_MS);
    if (isKnown || isLong || seconds >= MOST_SECONDS) this.#enough.abort();
  }
}

/** Signals that indicate a crash. */
const CRASHES: ReadonlySet<string> = new Set(['SIGSEGV', 'SIGBUS', 'SIGILL', 'SIGFPE', 'SIGABRT', 'SIGSYS']);

function crashed(signal: string): SidepipeError {
  return new SidepipeError(`ffmpeg crashed (${signal}) on this source`, { code: 'ffmpeg-unusable', fault: 'node' });
}

function silent(ms: number): SidepipeError {
  return new SidepipeError(`the source sent no video within ${Math.round(ms / 1000)} s`, {
    code: 'source-unavailable',
    fault: 'source',
  });
}

/** Segments vary in size, and a late keyframe makes one longer. */
const SEGMENT_SPARE = 1.5;
/** Upper limit: a larger test upload would prove nothing more. */
const MOST_SEGMENT_BYTES = 64_000_000;

/** Expected size of the largest segment: measured if a source was read, otherwise from the bitrate of renditions. */
export function segmentBytesOf({ streams }: Pick<Config, 'streams'>, found: readonly SourceFound[]): number {
  const sizes = streams.flatMap(({ hls, renditions = [] }, index) => {
    const each = found[index];
    const { bitsPerSecond = 0, keyframeSeconds = 0 } = each?.kind === 'media' ? each.media.packets : {};
    const copied = bitsPerSecond * Math.max(hls.segmentSeconds, keyframeSeconds);
    return [copied, ...renditions.map(({ bitrate }) => bitrate * hls.segmentSeconds)];
  });
  const largest = Math.ceil((Math.max(0, ...sizes) / 8) * SEGMENT_SPARE);
  return Math.min(MOST_SEGMENT_BYTES, Math.max(LEAST_SEGMENT_BYTES, largest));
}

interface SourceCheckOptions {
  readonly config: Pick<Config, 'streams'>;
  /** Undefined: ffmpeg is unusable, which its own check reports. */
  readonly survey: (signal: AbortSignal) => Promise<readonly SourceFound[] | undefined>;
}

/** Whether each stream's source can be opened, its media, and the findings. */
export function sourceChecks({ config: { streams }, survey }: SourceCheckOptions): Check {
  return {
    area: 'source',
    timeoutMs: 5000 + Math.ceil(streams.length / SOURCES_AT_ONCE) * Math.max(0, ...streams.map(patienceMs)),
    async run(signal) {
      const found = await survey(signal);
      return streams.flatMap((config, index): CheckResult[] => {
        const row = { area: 'source', check: config.name };
        const each = found?.[index];
        if (each === undefined) return [{ ...row, ok: 'skipped', detail: 'not opened, because ffmpeg is unusable' }];
        return resultsOf(config, each).map((result) => ({ ...row, ...result }));
      });
    },
  };
}

function resultsOf(config: StreamConfig, found: SourceFound): Pick<CheckResult, 'ok' | 'detail' | 'remedy'>[] {
  const source = sourceOf(config);
  if (found.kind === 'waiting') return [{ ok: 'skipped', detail: found.detail }];
  if (found.kind === 'made') return [{ ok: true, detail: 'test pattern, generated by ffmpeg' }];
  if (found.kind === 'media') return [...findingsOf(found.media, { config, source })];
  const { message } = found.error;
  const place = source.kind === 'file' || source.kind === 'directory' ? `${source.url.slice('file:'.length)}: ` : '';
  return [{ ok: false, detail: `${place}${message}`, remedy: remedyOf(found.error, source.kind) }];
}
