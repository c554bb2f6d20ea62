import type { StreamConfig } from '../config/schema.js';
import type { StreamPlan, VideoPlan } from '../ffmpeg/arguments.js';
import type { Capabilities } from '../ffmpeg/capabilities.js';
import { inputArguments } from '../ingest/input.js';
import type { Source, UnknownSource } from '../ingest/source.js';

export interface PlanOptions {
  readonly config: StreamConfig;
  readonly source: Source | UnknownSource;
  readonly capabilities: Pick<Capabilities, 'libavformat' | 'protocols'>;
  /** The receiver's URL for this run. */
  readonly url: string;
  /** The address of the source's host, where the node looked it up. */
  readonly address: string | undefined;
  readonly timeoutSeconds: number;
}

/** What ffmpeg shall do for a stream. Throws `source-unsupported` where this ffmpeg cannot. Pure. */
export function planStream({ config, source, capabilities, url, address, timeoutSeconds }: PlanOptions): StreamPlan {
  const { thumbnail, hls, audio, loop } = config;
  const { libavformat, protocols } = capabilities;
  return {
    input: inputArguments(source, { loop, libavformat, protocols, timeoutSeconds, address }),
    video: videoPlan(config, source),
    audio: audio === 'copy' && source.kind === 'test' ? 'aac' : audio,
    hls: { url, segmentSeconds: hls.segmentSeconds, container: hls.container },
    frames: { intervalSeconds: thumbnail.intervalSeconds, width: thumbnail.width, height: boxHeight(thumbnail) },
    libavformat,
  };
}

/** A test picture is made, so it is encoded; its rendition is called `source` all the same. */
function videoPlan(config: StreamConfig, source: Source | UnknownSource): VideoPlan {
  const rendition = config.renditions?.[0];
  if (rendition === undefined && source.kind !== 'test') return { kind: 'copy' };
  const { height = 720, bitrate = 2_000_000, fps, preset = 'superfast' } = rendition ?? {};
  return { kind: 'encode', height, bitrate, fps, preset };
}

/** The box that pictures are fitted into is 16:9 unless its height is told. */
export function boxHeight({ width, height }: { width: number; height?: number | undefined }): number {
  return height ?? Math.round((width * 9) / 16);
}
