import type { StreamConfig } from '../config/schema.js';
import type { StreamPlan } from '../ffmpeg/arguments.js';
import type { Capabilities } from '../ffmpeg/capabilities.js';
import type { VideoPlan } from '../ffmpeg/hls-output.js';
import { type DecodeChoice, firstChoice, SAMPLE_PICTURES } from '../frames/decode.js';
import { inputArguments, takesCommands } from '../ingest/input.js';
import type { Source, UnknownSource } from '../ingest/source.js';

/** Pictures up to so wide are made from keyframes whose block edges are left as they are: a third of full HD. */
const DEBLOCKED_WIDTH = 640;

export interface PlanOptions {
  readonly config: StreamConfig;
  readonly source: Source | UnknownSource;
  readonly capabilities: Pick<Capabilities, 'libavformat' | 'protocols'>;
  /** The receiver's URL for this run. */
  readonly url: string;
  /** The address of the source's host, where the node looked it up. */
  readonly address: string | undefined;
  readonly timeoutSeconds: number;
  /** What is decoded of a copied stream; what one begins with where it is not told. */
  readonly decode?: DecodeChoice;
}

/** What ffmpeg shall do for a stream. Throws `source-unsupported` where this ffmpeg cannot. Pure. */
export function planStream({
  config,
  source,
  capabilities,
  url,
  address,
  timeoutSeconds,
  decode,
}: PlanOptions): StreamPlan {
  const { thumbnail, hls, audio, loop } = config;
  const { libavformat, protocols } = capabilities;
  const video = videoPlan(config, source);
  return {
    input: inputArguments(source, { loop, libavformat, protocols, timeoutSeconds, address }),
    video,
    audio: audio === 'copy' && source.kind === 'test' ? 'aac' : audio,
    hls: { url, segmentSeconds: hls.segmentSeconds, container: hls.container },
    frames: {
      intervalSeconds: thumbnail.intervalSeconds / thumbnail.bestOf,
      width: thumbnail.width,
      height: boxHeight(thumbnail),
      packetTimes: source.kind !== 'test',
      deblock: thumbnail.deblock === 'always' || (thumbnail.deblock === 'auto' && thumbnail.width > DEBLOCKED_WIDTH),
      ...(video.kind === 'copy' ? pictureGaps(decode ?? firstChoice(thumbnail.decode, thumbnail.intervalSeconds)) : {}),
    },
    snapshots: canSnapshot(source, capabilities),
    libavformat,
  };
}

/** Whether full-size pictures can be had of a source while it runs. Pure. */
export function canSnapshot(
  { kind }: Pick<Source | UnknownSource, 'kind'>,
  { protocols }: Pick<Capabilities, 'protocols'>,
): boolean {
  return kind !== 'push' || takesCommands(protocols);
}

/** Keyframes come when they come; all other pictures come at every moment. */
function pictureGaps({ mode, longestGapSeconds }: DecodeChoice): Partial<StreamPlan['frames']> {
  return mode === 'keyframes' ? { decode: mode, longestGapSeconds, sample: SAMPLE_PICTURES } : { decode: mode };
}

/** Whether the source's own video is passed on. A test picture is made, so it is encoded. */
export function isCopied({ renditions }: StreamConfig, source: Source | UnknownSource): boolean {
  return renditions?.[0] === undefined && source.kind !== 'test';
}

/** A test picture's rendition is called `source` all the same. */
function videoPlan(config: StreamConfig, source: Source | UnknownSource): VideoPlan {
  const rendition = config.renditions?.[0];
  if (isCopied(config, source)) return { kind: 'copy' };
  const { height = 720, bitrate = 2_000_000, fps, preset = 'superfast' } = rendition ?? {};
  return { kind: 'encode', height, bitrate, fps, preset };
}

/** The box that pictures are fitted into is 16:9 unless its height is told. */
export function boxHeight({ width, height }: { width: number; height?: number | undefined }): number {
  return height ?? Math.round((width * 9) / 16);
}
