import {
  BufferSource,
  EncodedPacketSink,
  Input,
  type InputAudioTrack,
  type InputVideoTrack,
  MP4,
  MPEG_TS,
} from 'mediabunny';
import { messageOf, SidepipeError } from '../errors.js';
import { findSps } from './cut/sps.js';
import type { Container } from './window.js';

export interface MediaToInspect {
  readonly container: Container;
  /** fMP4 only. */
  readonly init?: Uint8Array;
  readonly segment: Uint8Array;
}

/** What a player must know before it plays. */
export interface MediaDescription {
  /** RFC 6381, comma-separated, video first. */
  readonly codecs: string;
  readonly hasVideo: boolean;
  readonly hasAudio: boolean;
  /** As displayed, in square pixels: after cropping, scaling and rotation. 0 without video. */
  readonly width: number;
  readonly height: number;
  /** Frames per second in this segment; 0 without video, with a single frame, or if timestamps give no plausible rate. */
  readonly frameRate: number;
  /** Presentation time of the first frame (of audio, without video), in seconds. */
  readonly startSeconds: number;
  /** The pixel aspect ratio, if pixels are not square. */
  readonly sar?: number;
}

/** Higher rates come from timestamps that alternate between standing still and advancing. */
const MOST_FRAMES_PER_SECOND = 1000;
/** Sufficient for a frame rate; a long segment need not be read completely. */
const packetsForFrameRate = 120;

/**
 * Parses one media segment. Blocks the event loop for some milliseconds, so it is only called for a session's first segment and when
 * `trackSignature` changes. Throws `source-not-media` if the segment contains nothing to play.
 */
export async function inspectMedia({ container, init, segment }: MediaToInspect): Promise<MediaDescription> {
  const input = new Input({
    source: new BufferSource(init === undefined ? segment : Buffer.concat([init, segment])),
    formats: [container === 'mpegts' ? MPEG_TS : MP4],
  });
  try {
    const video = await input.getPrimaryVideoTrack();
    const audio = await input.getPrimaryAudioTrack();
    const first = video ?? audio;
    if (first === null) {
      throw new Error('it contains neither video nor audio');
    }
    const codecs = [await videoCodec(video, init), await audioCodec(audio)].filter((codec) => codec !== undefined);
    return {
      codecs: codecs.join(','),
      hasVideo: video !== null,
      hasAudio: audio !== null,
      startSeconds: await first.getFirstTimestamp(),
      ...(video === null ? { width: 0, height: 0, frameRate: 0 } : await picture(video, container)),
    };
  } catch (cause) {
    throw new SidepipeError(`A media segment from ffmpeg cannot be parsed: ${messageOf(cause)}`, {
      code: 'source-not-media',
      fault: 'source',
      cause,
    });
  } finally {
    input.dispose();
  }
}

async function picture(
  video: InputVideoTrack,
  container: Container,
): Promise<Pick<MediaDescription, 'width' | 'height' | 'frameRate' | 'sar'>> {
  const ratio = await video.getPixelAspectRatio();
  return {
    width: await video.getDisplayWidth(),
    height: (await video.getDisplayHeight()) * (await fieldsOf(video, container)),
    frameRate: await frameRate(video),
    ...(ratio.num === ratio.den ? {} : { sar: ratio.num / ratio.den }),
  };
}

/** In MPEG-TS the library takes one field of an interlaced frame for the whole. Returns the number of fields per frame. */
async function fieldsOf(video: InputVideoTrack, container: Container): Promise<number> {
  if (container !== 'mpegts') return 1;
  const first = await new EncodedPacketSink(video).getFirstPacket();
  const sequence = first === null ? undefined : findSps(first.data);
  return sequence?.isInterlaced && (await video.getCodedHeight()) <= sequence.height / 2 ? 2 : 1;
}

/**
 * The mean of the typical intervals between frames: those between half and one and a half of the median. A clip's first interval or a lost
 * frame would distort a plain mean, and timestamps in whole milliseconds the median.
 */
async function frameRate(video: InputVideoTrack): Promise<number> {
  const times: number[] = [];
  for await (const packet of new EncodedPacketSink(video).packets(undefined, undefined, { metadataOnly: true })) {
    times.push(packet.timestamp);
    if (times.length === packetsForFrameRate) {
      break;
    }
  }
  times.sort((one, other) => one - other);
  const intervals = times
    .slice(1)
    .map((time, index) => time - (times[index] ?? 0))
    .sort((one, other) => one - other);
  const median = intervals[Math.floor(intervals.length / 2)] ?? 0;
  const usual = intervals.filter((interval) => interval >= median / 2 && interval <= median * 1.5);
  const sum = usual.reduce((total, interval) => total + interval, 0);
  const rate = sum > 0 ? Math.round((usual.length / sum) * 1000) / 1000 : 0;
  return rate > MOST_FRAMES_PER_SECOND ? 0 : rate;
}

async function videoCodec(track: InputVideoTrack | null, init: Uint8Array | undefined): Promise<string | undefined> {
  const codec = (await track?.getCodecParameterString()) ?? undefined;
  // RFC 6381, 3.3: starts with the name of the sample entry. The library always uses one of HEVC's two.
  const isHvc1 = init !== undefined && Buffer.from(init).includes('hvc1');
  return isHvc1 ? codec?.replace(/^hev1\./, 'hvc1.') : codec;
}

async function audioCodec(track: InputAudioTrack | null): Promise<string | undefined> {
  const codec = (await track?.getCodecParameterString()) ?? undefined;
  // The library uses the WebCodecs name of MP3; in CODECS it is an MPEG-4 audio object type (RFC 6381, 3.3).
  return codec === 'mp3' ? 'mp4a.40.34' : codec;
}
