import { SidepipeError } from '../errors.js';
import { runToEnd } from './child.js';
import { passThrough } from './picture-output.js';

/** What one ffmpeg binary can do. */
export interface Capabilities {
  readonly path: string;
  /** As ffmpeg prints it: `5.1.8-0+deb12u1`, `N-92722-gf22fcd4483-static`. */
  readonly version: string;
  /** Major version of libavformat: 58 is ffmpeg 4, 59 is 5, and so on. Nightly builds carry no other usable number. */
  readonly libavformat: number;
  readonly libavformatMinor: number;
  readonly protocols: ReadonlySet<string>;
  readonly encoders: ReadonlySet<string>;
  readonly bitstreamFilters: ReadonlySet<string>;
  /** Timestamps of pictures are cut to 32 bits on their way to an encoder, as builds for 32-bit processors do. */
  readonly hasNarrowTimestamps: boolean;
}

/** The oldest libavformat whose options this project uses (ffmpeg 4.0). */
const OLDEST_LIBAVFORMAT = 58;

/** Parses the output of `ffmpeg -version`. Undefined when it is not ffmpeg's. Pure. */
export function parseVersion(
  text: string,
): Pick<Capabilities, 'version' | 'libavformat' | 'libavformatMinor'> | undefined {
  const version = /^ffmpeg version (\S+)/m.exec(text)?.[1];
  const [, major, minor] = /^libavformat\s+(\d+)\.\s*(\d+)\./m.exec(text) ?? [];
  if (version === undefined || major === undefined) return undefined;
  return { version, libavformat: Number(major), libavformatMinor: Number(minor) };
}

/** Parses `ffmpeg -protocols`: the input and output names alike. Pure. */
export function parseProtocols(text: string): Set<string> {
  return new Set([...text.matchAll(/^ {2}([a-z][a-z0-9+]*)\s*$/gm)].map((match) => match[1]!));
}

/** Parses `ffmpeg -encoders`: flags, a name, words. Pure. */
export function parseEncoders(text: string): Set<string> {
  // Legends come first and have `=` where a row has its name.
  return new Set([...text.matchAll(/^ [A-Z.]{6} ([a-z0-9_-]+)\s/gim)].map((match) => match[1]!));
}

/** Parses `ffmpeg -bsfs`: a heading, then a name a line. Pure. */
function parseBitstreamFilters(text: string): Set<string> {
  return new Set([...text.matchAll(/^([a-z0-9_]+)\s*$/gm)].map((match) => match[1]!));
}

/**
 * Asks the binary once what it can do. Throws `ffmpeg-unusable` when it cannot be run, is not ffmpeg, or is too old to
 * serve this project.
 */
export async function readCapabilities(path: string, signal?: AbortSignal): Promise<Capabilities> {
  const ask = (argument: string) => runToEnd({ path, args: ['-hide_banner', argument], timeoutMs: 20_000, signal });
  const questions = ['-version', '-protocols', '-encoders', '-bsfs'];
  const [version, protocols, encoders, filters] = await Promise.all(questions.map(ask)).catch((cause: unknown) => {
    throw unusable(`ffmpeg cannot be run at ${path}`, cause);
  });
  const parsed = parseVersion(version!);
  if (parsed === undefined) throw unusable(`what is at ${path} is not ffmpeg`);
  if (parsed.libavformat < OLDEST_LIBAVFORMAT) throw unusable(`ffmpeg ${parsed.version} at ${path} is older than 4.0`);
  const hasNarrowTimestamps = !(await keepsTimestamps(path, parsed.libavformat, signal));
  return {
    path,
    ...parsed,
    hasNarrowTimestamps,
    protocols: parseProtocols(protocols!),
    encoders: parseEncoders(encoders!),
    bitstreamFilters: parseBitstreamFilters(filters!),
  };
}

/**
 * Whether a timestamp comes to an encoder as it is, here the one that means "none", which is out of the range of 32 bits. Tried,
 * because nothing that ffmpeg prints tells what its C compiler takes for a `long`. A few pictures of 16 × 16: some 10 ms.
 */
async function keepsTimestamps(path: string, libavformat: number, signal?: AbortSignal): Promise<boolean> {
  const args = [
    ...['-nostdin', '-v', 'error', '-f', 'lavfi', '-i', 'color=s=16x16:r=5:d=1', '-vf', 'format=yuv420p,setpts=NAN'],
    ...[
      ...passThrough(libavformat),
      '-enc_time_base',
      '1:60',
      '-c:v',
      'mpeg1video',
      '-threads',
      '1',
      '-f',
      'null',
      '-',
    ],
  ];
  const trial = runToEnd({ path, args, timeoutMs: 20_000, signal });
  return trial.then(
    () => true,
    () => false,
  );
}

function unusable(message: string, cause?: unknown): SidepipeError {
  return new SidepipeError(`${message} (ffmpeg.path)`, { code: 'ffmpeg-unusable', fault: 'caller', cause });
}
