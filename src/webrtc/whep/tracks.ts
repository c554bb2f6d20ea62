/** What a stream sends to WebRTC viewers. Pure. */

/** What matters of a stream's video for viewers. */
export interface LiveVideo {
  readonly codec: 'h264' | 'hevc';
  /** H.264: profile_idc. */
  readonly profile: number;
  /** As in the sequence parameter set: 1 is 4:2:0. */
  readonly chromaFormat: number;
  readonly bitDepth: number;
  /** Frames are output in another order than they are decoded: B-frames. */
  readonly isReordered: boolean;
}

export type LiveAudio = 'opus' | 'pcmu' | 'pcma';

export interface LiveTracks {
  readonly video: LiveVideo;
  readonly audio: LiveAudio | undefined;
}

/** One access unit: video as NAL units, each after its length in 4 bytes. The bytes are lent: they are overwritten later. */
export interface AccessUnit {
  /** Presentation time on ffmpeg's timeline. */
  readonly ptsSeconds: number;
  readonly bytes: Uint8Array;
  /** Decoding can start here. Always true for audio. */
  readonly isKey: boolean;
}

/** Why browsers cannot play video over WebRTC; undefined if they can. */
export function obstacleOf({ codec, chromaFormat, bitDepth, isReordered }: LiveVideo): string | undefined {
  if (isReordered)
    return 'The video has B-frames, which browsers cannot play over WebRTC. Disable them in the encoder.';
  if (chromaFormat !== 1) return 'The video is not 4:2:0, which browsers cannot play over WebRTC.';
  if (codec === 'h264' && bitDepth !== 8) return `The video is ${bitDepth}-bit H.264, which browsers cannot play.`;
  return undefined;
}
