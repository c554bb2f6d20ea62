import { SidepipeError } from '../errors.js';
import { type BuildOptions, buildOptionsOf } from './build-options.js';
import { runToEnd } from './child.js';
import { ProgressParser } from './log/progress.js';
import { passThrough } from './output/picture-output.js';

/** The capabilities of an ffmpeg binary. */
export interface Capabilities {
  readonly path: string;
  /** As ffmpeg prints it: `5.1.8-0+deb12u1`, `N-92722-gf22fcd4483-static`. */
  readonly version: string;
  /** Major version of libavformat: 58 is ffmpeg 4, 59 is 5, and so on. Nightly builds have no other usable number. */
  readonly libavformat: number;
  readonly libavformatMinor: number;
  readonly protocols: ReadonlySet<string>;
  readonly encoders: ReadonlySet<string>;
  readonly bitstreamFilters: ReadonlySet<string>;
  readonly options: BuildOptions;
  /** Frame timestamps are truncated to 32 bits before they reach an encoder, as in builds for 32-bit processors. */
  readonly hasNarrowTimestamps: boolean;
  /** Environment variables for ffmpeg in addition to those of every child. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** The oldest libavformat whose options this project uses (ffmpeg 4.0). */
const OLDEST_LIBAVFORMAT = 58;

/** Parses the output of `ffmpeg -version`. Undefined if it is not ffmpeg's. Pure. */
export function parseVersion(
  text: string,
): Pick<Capabilities, 'version' | 'libavformat' | 'libavformatMinor'> | undefined {
  const version = /^ffmpeg version (\S+)/m.exec(text)?.[1];
  const [, major, minor] = /^libavformat\s+(\d+)\.\s*(\d+)\./m.exec(text) ?? [];
  if (version === undefined || major === undefined) return undefined;
  return { version, libavformat: Number(major), libavformatMinor: Number(minor) };
}

/** Parses `ffmpeg -protocols`: both input and output names. Pure. */
export function parseProtocols(text: string): Set<string> {
  return new Set([...text.matchAll(/^ {2}([a-z][a-z0-9+]*)\s*$/gm)].map((match) => match[1]!));
}

/** Parses `ffmpeg -encoders`: flags, name, description. Pure. */
export function parseEncoders(text: string): Set<string> {
  // Legends come first and have `=` instead of a name.
  return new Set([...text.matchAll(/^ [A-Z.]{6} ([a-z0-9_-]+)\s/gim)].map((match) => match[1]!));
}

/** Parses `ffmpeg -bsfs`: a heading, then one name per line. Pure. */
function parseBitstreamFilters(text: string): Set<string> {
  return new Set([...text.matchAll(/^([a-z0-9_]+)\s*$/gm)].map((match) => match[1]!));
}

/**
 * Reads the capabilities of a binary once. Throws `ffmpeg-unusable` if it cannot be run, is not ffmpeg, or is too old for this
 * project.
 */
export async function readCapabilities(
  path: string,
  signal?: AbortSignal,
  environment: Readonly<Record<string, string>> = {},
): Promise<Capabilities> {
  const ask = (argument: string) =>
    runToEnd({ path, args: ['-hide_banner', argument], timeoutMs: 20_000, signal, environment });
  const questions = ['-version', '-protocols', '-encoders', '-bsfs'];
  const [version, protocols, encoders, filters] = await Promise.all(questions.map(ask)).catch((cause: unknown) => {
    throw unusable(`ffmpeg cannot be run at ${path}`, cause);
  });
  const parsed = parseVersion(version!);
  if (parsed === undefined) throw unusable(`The program at ${path} is not ffmpeg`);
  if (parsed.libavformat < OLDEST_LIBAVFORMAT) throw unusable(`ffmpeg ${parsed.version} at ${path} is older than 4.0`);
  const known = parseEncoders(encoders!);
  const parsedProtocols = parseProtocols(protocols!);
  const options = await readBuildOptions({ path, environment, signal }, known, parsedProtocols);
  const hasNarrowTimestamps = !(await keepsTimestamps({ path, environment, signal }, options));
  return {
    path,
    ...parsed,
    hasNarrowTimestamps,
    environment,
    protocols: parsedProtocols,
    encoders: known,
    options,
    bitstreamFilters: parseBitstreamFilters(filters!),
  };
}

/**
 * Whether a timestamp reaches an encoder unchanged; tested with the one that means "none", which exceeds 32 bits. This needs a test,
 * because ffmpeg prints nothing about the size of its compiler's `long`. A few frames of 16 × 16: about 10 ms.
 */
async function keepsTimestamps(build: Build, options: BuildOptions): Promise<boolean> {
  const filter = ['-vf', 'format=yuv420p,settb=1/60,setpts=NAN'];
  const output = [...passThrough(options), '-enc_time_base', '1:60', '-c:v', 'mpeg1video', '-threads', '1'];
  return takes(build, [...filter, ...output]);
}

/** The binary and how it is run. */
interface Build {
  readonly path: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly signal: AbortSignal | undefined;
}

/** Reads how a build names the options that differ between versions. */
async function readBuildOptions(
  build: Build,
  encoders: ReadonlySet<string>,
  protocols: ReadonlySet<string>,
): Promise<BuildOptions> {
  const help = (topic: string) =>
    runToEnd({ ...build, args: ['-hide_banner', '-h', topic], timeoutMs: 20_000 }).catch(() => '');
  const [main, rtsp, hls, qsv, takesDemuxTimeBase, hasOption, reportedSeconds] = await Promise.all([
    help('long'),
    // The help for a missing component is empty or an error.
    help('demuxer=rtsp'),
    help('demuxer=hls'),
    encoders.has('h264_qsv') ? help('encoder=h264_qsv') : '',
    takes(build, ['-enc_time_base', 'demux', '-c:v', 'rawvideo']),
    // Only needed for SRT.
    protocols.has('srt') ? takesConcatOption(build) : false,
    reportedSecondsOf(build),
  ]);
  return buildOptionsOf({ main, rtsp, hls, qsv, takesDemuxTimeBase, takesConcatOption: hasOption, reportedSeconds });
}

/**
 * Whether scripts of the `concat` demuxer support `option`, as since 5.0; no help text lists it. The script names a file that does not
 * exist: a build that tries to open the file has understood the script.
 */
async function takesConcatOption(build: Build): Promise<boolean> {
  const script = "ffconcat version 1.0\nfile 'none'\noption probesize '1000000'\n";
  const input = `data:text/plain;base64,${Buffer.from(script).toString('base64')}`;
  const whitelist = ['-protocol_whitelist', 'data,file'];
  const args = ['-nostdin', '-hide_banner', '-v', 'error', ...whitelist, '-f', 'concat', '-safe', '0', '-i', input];
  const trial = runToEnd({ ...build, args: [...args, '-f', 'null', '-'], timeoutMs: 20_000 });
  const said = await trial.catch((error: unknown) => (error instanceof SidepipeError ? error.details : undefined));
  return JSON.stringify(said ?? '').includes('Impossible to open');
}

/** The position that a build reports at the end of two outputs of different length; ffmpeg's help does not say which output it means. */
async function reportedSecondsOf(build: Build): Promise<number | undefined> {
  const input = ['-nostdin', '-hide_banner', '-v', 'error', '-nostats', '-progress', 'pipe:1'];
  const outputs = ['-t', '0.5', '-f', 'null', '-', '-f', 'null', '-'];
  const args = [...input, '-f', 'lavfi', '-i', 'color=s=16x16:r=10:d=2', ...outputs];
  const told = await runToEnd({ ...build, args, timeoutMs: 20_000 }).catch(() => '');
  let seconds: number | undefined;
  new ProgressParser(({ outSeconds }) => {
    seconds = outSeconds ?? seconds;
  }).push(Buffer.from(told));
  return seconds;
}

/** Whether a build can make a few frames with these output options. */
function takes(build: Build, output: readonly string[]): Promise<boolean> {
  const input = ['-nostdin', '-v', 'error', '-f', 'lavfi', '-i', 'color=s=16x16:r=5:d=1'];
  const trial = runToEnd({ ...build, args: [...input, ...output, '-f', 'null', '-'], timeoutMs: 20_000 });
  return trial.then(
    () => true,
    () => false,
  );
}

function unusable(message: string, cause?: unknown): SidepipeError {
  return new SidepipeError(`${message} (ffmpeg.path).`, { code: 'ffmpeg-unusable', fault: 'caller', cause });
}
