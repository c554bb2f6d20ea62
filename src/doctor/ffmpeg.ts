import type { Config } from '../config/schema/schema.js';
import type { BuildOptions } from '../ffmpeg/build-options.js';
import { type Encoder, HARDWARE_ENCODERS, type TrialResult } from '../ffmpeg/output/encoders.js';
import type { Check, CheckResult } from './check.js';

/** The facts about an ffmpeg binary that the check needs. */
interface FfmpegFacts {
  readonly path: string;
  readonly version: string;
  readonly options: BuildOptions;
  readonly protocols: ReadonlySet<string>;
  readonly encoders: ReadonlySet<string>;
}

export interface FfmpegCheckOptions {
  readonly config: Pick<Config, 'streams'>;
  /** The binary's path. Throws an error for people if there is none. */
  readonly findFfmpeg: () => Promise<string>;
  /** Throws an error for people if the binary cannot be run or is too old. */
  readonly readCapabilities: (path: string, signal: AbortSignal) => Promise<FfmpegFacts>;
  /** Encodes a few frames with an encoder. */
  readonly tryEncoder: (encoder: Encoder, facts: FfmpegFacts) => Promise<TrialResult>;
}

const newerBinary = 'Install another ffmpeg and set ffmpeg.path (SIDEPIPE_FFMPEG_PATH).';

/** Whether ffmpeg runs, and supports what this configuration needs. */
export function ffmpegChecks({ config, findFfmpeg, readCapabilities, tryEncoder }: FfmpegCheckOptions): Check {
  return {
    area: 'ffmpeg',
    async run(signal) {
      const path = await findFfmpeg();
      const facts = await readCapabilities(path, signal);
      const wanted = wantedHardware(config);
      const trials = (['libx264', ...HARDWARE_ENCODERS] as const).map(async (encoder) =>
        encoderCheck(encoder, await tryEncoder(encoder, facts), wanted.has(encoder)),
      );
      return [
        { area: 'ffmpeg', check: 'version', ok: true, detail: `${facts.version} at ${path}` },
        needs('protocols', neededProtocols(config), facts.protocols),
        needs('encoders', neededEncoders(config), facts.encoders),
        ...(await Promise.all(trials)),
      ];
    },
  };
}

/** A missing hardware encoder is a failure only if a stream names it. */
function encoderCheck(encoder: Encoder, result: TrialResult, isWanted: boolean): CheckResult {
  const check = `${encoder} encodes`;
  if (result.works) return { area: 'ffmpeg', check, ok: true, detail: 'works' };
  const detail = `${result.reason}${isWanted ? '; libx264 is used instead' : ''}`;
  if (!isWanted) return { area: 'ffmpeg', check, ok: 'skipped', detail };
  const remedy = 'Set another encoder, or make its device and driver available.';
  return { area: 'ffmpeg', check, ok: false, detail, remedy };
}

/** The encoders that streams name. */
function wantedHardware({ streams }: Pick<Config, 'streams'>): ReadonlySet<string> {
  return new Set(streams.flatMap(({ renditions = [] }) => renditions.map(({ encoder }) => `h264_${encoder}`)));
}

function needs(check: string, needed: ReadonlySet<string>, present: ReadonlySet<string>): CheckResult {
  const missing = [...needed].filter((name) => !present.has(name));
  if (missing.length === 0) return { area: 'ffmpeg', check, ok: true, detail: [...needed].join(', ') };
  return { area: 'ffmpeg', check, ok: false, detail: `missing: ${missing.join(', ')}`, remedy: newerBinary };
}

function neededProtocols({ streams }: Pick<Config, 'streams'>): Set<string> {
  // ffmpeg sends segments over HTTP and frames through a pipe.
  const needed = new Set(['file', 'http', 'pipe', 'tcp']);
  for (const { source } of streams) {
    const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(source)?.[1]?.toLowerCase();
    for (const name of protocolsOf(scheme)) needed.add(name);
  }
  return needed;
}

function protocolsOf(scheme: string | undefined): readonly string[] {
  switch (scheme) {
    case 'https':
      return ['https', 'tls'];
    case 'rtsps':
      return ['rtp', 'udp', 'tls'];
    case 'rtsp':
      return ['rtp', 'udp'];
    case 'rtmp':
    case 'rtmps':
      // The node itself terminates TLS.
      return ['rtmp'];
    case 'srt':
      return [scheme];
    default:
      return [];
  }
}

function neededEncoders({ streams }: Pick<Config, 'streams'>): Set<string> {
  const needed = new Set(['rawvideo']);
  for (const { audio, renditions, source } of streams) {
    if (renditions !== undefined || source === 'test') needed.add('libx264');
    if (audio === 'aac' || source === 'test') needed.add('aac');
  }
  return needed;
}
