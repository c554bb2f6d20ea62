import { type FileHandle, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { steadyNow } from '../../clock.js';
import { createDeadline } from '../../deadline.js';
import { SidepipeError } from '../../errors.js';
import type { Capabilities } from '../../ffmpeg/capabilities.js';
import { type Child, type ChildExit, runToEnd, spawnChild, stopChild } from '../../ffmpeg/child.js';
import type { OrphanGuard } from '../../ffmpeg/guard.js';
import { isUnusable } from '../../ffmpeg/log/diagnosis.js';
import { LogTail } from '../../ffmpeg/log/log-tail.js';
import { valveCommand } from '../../ffmpeg/output/valve.js';
import { NutDemuxer } from '../../frames/nut-demuxer.js';
import { PacketTimesParser } from '../../frames/packet-times.js';
import { listen } from '../../net/listen.js';
import { MediaIntake } from '../hls/media-intake.js';
import { lineText } from '../run/run-end.js';
import { CLIP } from './argument-clip.js';
import { type ArgumentPlaces, type ArgumentSet, argumentSets, type Expected } from './argument-sets.js';

export interface ArgumentSetResult {
  readonly name: string;
  /** `missing`: this build lacks an optional part, such as SRT. */
  readonly outcome: 'ok' | 'missing' | 'failed';
  /** What is missing, or ffmpeg's own line about the failure. Empty on success. */
  readonly detail: string;
}

export interface ArgumentTrialOptions {
  readonly capabilities: Capabilities;
  readonly guard?: Pick<OrphanGuard, 'wrap' | 'watch'> | undefined;
  readonly signal?: AbortSignal | undefined;
  /** How many ffmpeg processes run at the same time. */
  readonly concurrency?: number;
  /** The time limit for each set: emulated processors take longer. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 30_000;
/** Commands are repeated, because ffmpeg forgets those that arrive before its filters are built. */
const COMMAND_MS = 250;
const FEED_MS = 100;
/** The clip's length. */
const CLIP_MS = 2000;
const MAX_SEGMENT_BYTES = 64 * 1024 ** 2;
/** tcpmux, which has been unused for decades: connections are refused. */
const CLOSED = '127.0.0.1:1';

/**
 * Runs every command line that the node can make with one ffmpeg, on a synthetic clip, and reports for each whether all expected outputs
 * arrived. Takes several seconds; uses a temporary folder, which is removed.
 */
export async function tryArgumentSets(options: ArgumentTrialOptions): Promise<readonly ArgumentSetResult[]> {
  const { capabilities, signal, concurrency = 3 } = options;
  const folder = await mkdtemp(join(tmpdir(), 'sidepipe-trial-'));
  let origin: Server | undefined;
  try {
    const files = await makeFiles(folder, capabilities, signal);
    origin = await serve(files);
    const places: ArgumentPlaces = {
      files: { mp4: files.mp4, silent: files.silent },
      origin: `http://127.0.0.1:${(origin.address() as AddressInfo).port}`,
      closed: CLOSED,
    };
    const sets = argumentSets(capabilities, places);
    const results = new Array<ArgumentSetResult>(sets.length);
    let next = 0;
    const work = async () => {
      for (let index = next++; index < sets.length; index = next++) {
        signal?.throwIfAborted();
        const set = sets[index]!;
        results[index] =
          'missing' in set
            ? { name: set.name, outcome: 'missing', detail: set.missing }
            : await new SetTrial(set, files, options).run();
      }
    };
    // All of them must end before their files are removed.
    const settled = await Promise.allSettled(Array.from({ length: concurrency }, work));
    for (const each of settled) if (each.status === 'rejected') throw each.reason;
    return results;
  } finally {
    origin?.close();
    origin?.closeAllConnections();
    await rm(folder, { recursive: true, force: true });
  }
}

interface ClipFiles {
  readonly flv: string;
  readonly ts: string;
  readonly mp4: string;
  readonly silent: string;
  readonly mjpeg: string;
}

/** The clip in each container, written by the tested ffmpeg: writing it is part of the trial. */
async function makeFiles(
  folder: string,
  { path, environment = {} }: Capabilities,
  signal?: AbortSignal,
): Promise<ClipFiles> {
  const at = (name: string) => join(folder, name);
  const flv = at('clip.flv');
  await writeFile(flv, CLIP);
  const make = async (name: string, args: readonly string[]) => {
    const common = ['-nostdin', '-hide_banner', '-v', 'error', '-y', '-i', flv];
    await runToEnd({ path, args: [...common, ...args, at(name)], timeoutMs: TIMEOUT_MS, signal, environment });
    return at(name);
  };
  // MPEG-TS with a service name, as every encoder writes it, because some builds crash when they read one.
  const [ts, mp4, silent, mjpeg] = await Promise.all([
    make('clip.ts', ['-c', 'copy', '-metadata', 'service_name=sidepipe', '-metadata', 'service_provider=sidepipe']),
    make('clip.mp4', ['-c', 'copy', '-movflags', '+faststart']),
    make('silent.mp4', ['-c', 'copy', '-an']),
    make('clip.mjpeg', ['-an', '-c:v', 'mjpeg', '-pix_fmt', 'yuvj420p', '-strict', '-1', '-f', 'mpjpeg']),
  ]);
  return { flv, ts: ts!, mp4: mp4!, silent: silent!, mjpeg: mjpeg! };
}

/** Serves the network sources. */
async function serve(files: ClipFiles): Promise<Server> {
  const playlist = '#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:3\n#EXTINF:2,\nclip.ts\n#EXT-X-ENDLIST\n';
  const served: Readonly<Record<string, readonly [type: string, body: Buffer]>> = {
    '/clip.ts': ['video/mp2t', await readFile(files.ts)],
    '/clip.mp4': ['video/mp4', await readFile(files.mp4)],
    '/index.m3u8': ['application/vnd.apple.mpegurl', Buffer.from(playlist)],
    '/mjpeg': ['multipart/x-mixed-replace; boundary=ffmpeg', await readFile(files.mjpeg)],
  };
  const server = createServer(({ url = '' }, response) => {
    const [type, body] = served[url] ?? [];
    if (type === undefined || body === undefined) response.writeHead(404).end();
    else if (url === '/mjpeg') void sendPaced(response.writeHead(200, { 'content-type': type }), body);
    else response.writeHead(200, { 'content-type': type }).end(body);
  });
  await listen(server, { host: '127.0.0.1', port: 0, failure: 'No loopback port is available for the test sources' });
  return server;
}

/** At the clip's own pace, like a camera: ffmpeg dates such images by their arrival, so all at once would count as one. */
async function sendPaced(response: ServerResponse, body: Buffer): Promise<void> {
  const pieceBytes = Math.ceil((body.length * FEED_MS) / CLIP_MS);
  for (let at = 0; at < body.length && !response.destroyed; at += pieceBytes) {
    response.write(body.subarray(at, at + pieceBytes));
    await waitFor(FEED_MS);
  }
  response.end();
}

/** One set, one ffmpeg. */
class SetTrial {
  readonly #set: ArgumentSet;
  readonly #files: ClipFiles;
  readonly #options: ArgumentTrialOptions;
  readonly #seen = new Set<Expected>();
  readonly #complete = new AbortController();
  readonly #tail = new LogTail({ redact: (text) => text, onLine: () => {} });

  constructor(set: ArgumentSet, files: ClipFiles, options: ArgumentTrialOptions) {
    this.#set = set;
    this.#files = files;
    this.#options = options;
  }

  async run(): Promise<ArgumentSetResult> {
    const { media, args, takesCommands, expected, renditions } = this.#set;
    const { capabilities, guard, timeoutMs = TIMEOUT_MS, signal } = this.#options;
    const file = media === 'file' ? await open(this.#files.mp4) : undefined;
    const command = guard?.wrap(capabilities.path, args) ?? { path: capabilities.path, args };
    const child = await spawnChild({
      ...command,
      environment: capabilities.environment ?? {},
      stdin: takesCommands,
      snapshots: takesCommands,
      media: file?.fd ?? media === 'publisher',
      monitor: expected.includes('monitor'),
      renditions: renditions.length,
      audio: expected.includes('audio'),
      accessUnits: expected.filter((each) => each.startsWith('access units')).length,
    });
    void child.exited.then(guard?.watch(child.pid));
    const over = new AbortController();
    void child.exited.then(() => over.abort());
    this.#read(child);
    if (child.media !== null) void feed(child.media, over.signal);
    if (child.stdin !== null && expected.includes('snapshot')) void this.#command(child.stdin, over.signal);
    const deadline = createDeadline(timeoutMs, [this.#complete.signal, signal]);
    await Promise.race([child.exited, deadline.reached.catch(() => undefined)]);
    deadline.clear();
    const exit = await stopChild(child, { delay: waitFor });
    await closeFile(file);
    this.#tail.close();
    signal?.throwIfAborted();
    return this.#result(exit, deadline.expired);
  }

  #read(child: Child): void {
    const note = (what: Expected) => {
      this.#seen.add(what);
      this.#look();
    };
    const pictures = (what: Expected) => NutDemuxer.video({ acquire: () => undefined, onPacket: () => note(what) });
    const reads = (stream: Readable | null, take: (piece: Buffer) => void) => {
      stream?.on('data', (piece: Buffer) => {
        try {
          take(piece);
        } catch {
          // Unparsable output counts as missing, so the set fails for what did not arrive.
        }
      });
    };
    const [thumbnails, snapshots] = [pictures('picture'), pictures('snapshot')];
    const packets = new PacketTimesParser({ onPacket: () => note('packets') });
    reads(child.stdout, (piece) => thumbnails.push(piece));
    reads(child.snapshots, (piece) => snapshots.push(piece));
    reads(child.packets, (piece) => packets.push(piece));
    reads(child.monitor, () => note('monitor'));
    reads(child.audio, () => note('audio'));
    const [video = null, audio = null] = child.accessUnits;
    const units = { acquire: () => undefined };
    const videoUnits = NutDemuxer.video({ ...units, onPacket: () => note('access units of video') });
    const audioUnits = NutDemuxer.audio({ ...units, onPacket: () => note('access units of audio') });
    reads(video, (piece) => videoUnits.push(piece));
    reads(audio, (piece) => audioUnits.push(piece));
    this.#readMedia(child, note);
    reads(child.stderr, (piece) => this.#tail.push(piece));
    child.side.resume();
  }

  #readMedia(child: Child, note: (what: Expected) => void): void {
    const { renditions, container } = this.#set;
    const media = new MediaIntake({
      ...{ renditions, container, partSeconds: 0.1, segmentSeconds: 0.5, maxSegmentBytes: MAX_SEGMENT_BYTES },
      now: steadyNow,
      onPart: (rendition, part) => part.isIndependent && note(`segment of ${rendition}`),
      // Output that cannot be cut counts as missing.
      onFailed: () => {},
    });
    media.read(child.renditions);
    void child.exited.then(() => media.end());
  }

  #look(): void {
    const { expected } = this.#set;
    if (expected.length > 0 && expected.every((each) => this.#seen.has(each))) this.#complete.abort();
  }

  async #command(stdin: Writable, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.#seen.has('snapshot') && stdin.writable) {
      stdin.write(valveCommand(true));
      await waitFor(COMMAND_MS, signal).catch(() => {});
    }
  }

  #result(exit: ChildExit, isLate: boolean): ArgumentSetResult {
    const { name, expected } = this.#set;
    const missing = expected.filter((each) => !this.#seen.has(each));
    const lines = this.#tail.lines();
    const errors = lines.filter(({ level }) => level === 'error' || level === 'fatal');
    const unusable = errors.find((line) => isUnusable(line));
    const absent = expected.length === 0 && !isLate && exit.signal === null && unusable === undefined;
    if (absent && errors.some(({ text }) => /^Unknown input format/.test(text)))
      return { name, outcome: 'missing', detail: lineText(errors[0]!) };
    if (absent && errors.some(({ text }) => ABSENT.test(text))) return { name, outcome: 'ok', detail: '' };
    if (expected.length > 0 && missing.length === 0) return { name, outcome: 'ok', detail: '' };
    const line = unusable ?? errors[0] ?? lines.findLast(({ level }) => level === 'warning');
    const crash = exit.signal !== null && !isLate ? `ffmpeg crashed (${exit.signal})` : undefined;
    const said = crash ?? (line && lineText(line)) ?? (isLate ? 'ffmpeg timed out' : `exit code ${exit.code}`);
    const without = missing.length > 0 ? `no ${missing.join(', no ')}: ` : '';
    return { name, outcome: 'failed', detail: `${without}${said}` };
  }
}

/** ffmpeg's messages if it accepted all arguments and the source does not exist. */
const ABSENT =
  /Connection refused|Connection timed out|Input\/output error|No such file or directory|Cannot open video device|Cannot open connection|Connection to \S+ failed|Connection setup failure/;

async function closeFile(file: FileHandle | undefined): Promise<void> {
  // Node.js closes a descriptor that it passed to a child only if told to.
  await file?.close().catch(() => {});
}

function waitFor(ms: number, signal?: AbortSignal): Promise<void> {
  return delay(ms, undefined, signal === undefined ? {} : { signal });
}

const HEADER_BYTES = 13;
const TAG_BYTES = 11;

/** Writes the clip like a publisher, at its own pace, in a loop. */
async function feed(media: Writable, signal: AbortSignal): Promise<void> {
  const tags = tagsOf(CLIP);
  const roundMs = Math.max(...tags.map(({ at }) => at)) + FEED_MS;
  const startedAt = steadyNow();
  media.write(CLIP.subarray(0, HEADER_BYTES));
  for (let round = 0; !signal.aborted && media.writable; round += 1) {
    for (const { at, data } of tags) {
      // Codec configurations are sent once.
      if (round > 0 && at === 0 && isHeader(data)) continue;
      const due = round * roundMs + at;
      const waitMs = startedAt + due - steadyNow();
      if (waitMs > FEED_MS) await waitFor(waitMs, signal).catch(() => {});
      if (signal.aborted || !media.writable) return;
      media.write(dated(data, due));
    }
  }
}

function tagsOf(flv: Buffer): { readonly at: number; readonly data: Buffer }[] {
  const tags: { at: number; data: Buffer }[] = [];
  for (let from = HEADER_BYTES; from + TAG_BYTES <= flv.length; ) {
    const bytes = TAG_BYTES + flv.readUIntBE(from + 1, 3) + 4;
    tags.push({ at: flv.readUIntBE(from + 4, 3), data: flv.subarray(from, from + bytes) });
    from += bytes;
  }
  return tags;
}

/** Metadata, and the first packet of each codec. */
function isHeader(tag: Buffer): boolean {
  return tag[0] === 18 || tag[TAG_BYTES + 1] === 0;
}

function dated(tag: Buffer, ms: number): Buffer {
  const copy = Buffer.from(tag);
  copy.writeUIntBE(ms % 2 ** 24, 4, 3);
  copy[7] = Math.floor(ms / 2 ** 24) & 0xff;
  return copy;
}

/** Throws `ffmpeg-unusable` with ffmpeg's own line if a set failed. */
export function requireSets(path: string, results: readonly ArgumentSetResult[]): void {
  const failed = results.filter(({ outcome }) => outcome === 'failed');
  const [first] = failed;
  if (first === undefined) return;
  const more = failed.length > 1 ? `, and ${failed.length - 1} more` : '';
  throw new SidepipeError(`${path} failed at "${first.name}"${more}: ${first.detail} (ffmpeg.path).`, {
    code: 'ffmpeg-unusable',
    fault: 'caller',
  });
}
