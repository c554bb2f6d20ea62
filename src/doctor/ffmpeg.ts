import type { Config } from '../config/schema.js';
import type { Check, CheckResult } from './check.js';

/** What the check needs to know of an ffmpeg binary. */
interface FfmpegFacts {
  readonly version: string;
  readonly protocols: ReadonlySet<string>;
  readonly encoders: ReadonlySet<string>;
}

export interface FfmpegCheckOptions {
  readonly config: Pick<Config, 'streams'>;
  /** The binary's path. Throws in words when there is none. */
  readonly findFfmpeg: () => Promise<string>;
  /** Throws in words when the binary cannot be run or is too old. */
  readonly readCapabilities: (path: string, signal: AbortSignal) => Promise<FfmpegFacts>;
}

const hardwareEncoders = ['h264_v4l2m2m', 'h264_vaapi', 'h264_nvenc', 'h264_qsv', 'h264_videotoolbox', 'h264_rkmpp'];
const newerBinary = 'Install another ffmpeg and name it in ffmpeg.path (SIDEPIPE_FFMPEG_PATH).';

/** Whether ffmpeg runs, and can do what this configuration asks for. */
export function ffmpegChecks({ config, findFfmpeg, readCapabilities }: FfmpegCheckOptions): Check {
  return {
    area: 'ffmpeg',
    async run(signal) {
      const path = await findFfmpeg();
      const facts = await readCapabilities(path, signal);
      const hardware = hardwareEncoders.filter((name) => facts.encoders.has(name));
      return [
        { area: 'ffmpeg', check: 'version', ok: true, detail: `${facts.version} at ${path}` },
        needs('protocols', neededProtocols(config), facts.protocols),
        needs('encoders', neededEncoders(config), facts.encoders),
        {
          area: 'ffmpeg',
          check: 'hardware encoders',
          ok: hardware.length > 0 ? true : 'skipped',
          detail: hardware.length > 0 ? `built in: ${hardware.join(', ')}` : 'none built in; encoding uses the CPU',
        },
      ];
    },
  };
}

function needs(check: string, needed: ReadonlySet<string>, present: ReadonlySet<string>): CheckResult {
  const missing = [...needed].filter((name) => !present.has(name));
  if (missing.length === 0) return { area: 'ffmpeg', check, ok: true, detail: [...needed].join(', ') };
  return { area: 'ffmpeg', check, ok: false, detail: `missing: ${missing.join(', ')}`, remedy: newerBinary };
}

function neededProtocols({ streams }: Pick<Config, 'streams'>): Set<string> {
  // Segments leave ffmpeg over HTTP, frames through a pipe.
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
