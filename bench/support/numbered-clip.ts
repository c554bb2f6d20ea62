import { readFile } from 'node:fs/promises';
import { messageType, type RtmpMessage } from '../../src/ingest/rtmp/protocol/message.js';
import { clockPicture } from '../../test/support/clock-picture.js';
import { keptClip } from './clip.js';
import { type RtmpClip, rtmpUnits } from './live-source.js';

/** A small clip without audio in which no frame's number occurs twice: many of them can be decoded at once. */
export interface NumberedClip extends RtmpClip {
  readonly frames: number;
  /** Of the frame in a message; undefined if it contains none. */
  numberOf(message: RtmpMessage): number | undefined;
}

export interface NumberedClipOptions {
  readonly seconds: number;
  readonly gopSeconds: number;
  readonly bFrames: boolean;
}

export const NUMBERED_WIDTH = 320;
export const NUMBERED_HEIGHT = 180;
const RATE = 30;
/** Enough for numbers that can be read in every frame. */
const KILOBITS = 600;

/** H.264 at 30 frames per second, encoded once and kept in the temporary directory. */
export async function makeNumberedClip({ seconds, gopSeconds, bFrames }: NumberedClipOptions): Promise<NumberedClip> {
  const moving = `testsrc2=size=${NUMBERED_WIDTH}x${NUMBERED_HEIGHT}:rate=${RATE}`;
  const strip = clockPicture({ size: `${NUMBERED_WIDTH}x60`, rate: RATE });
  const keyframes = String(gopSeconds * RATE);
  const path = await keptClip(`v1-small-${bFrames ? 'b' : 'p'}-gop-${gopSeconds}-${seconds}.flv`, (output) => [
    ...['-f', 'lavfi', '-i', `${moving}[picture];${strip}[strip];[picture][strip]overlay=y=(H-h)/2`],
    ...['-t', String(seconds), '-c:v', 'libx264', '-preset', 'superfast', '-pix_fmt', 'yuv420p'],
    // Where the encoder chooses, it may choose none.
    ...(bFrames ? ['-bf', '3', '-b_strategy', '0'] : ['-bf', '0']),
    ...['-g', keyframes, '-keyint_min', keyframes, '-sc_threshold', '0'],
    ...['-b:v', `${KILOBITS}k`, '-maxrate', `${KILOBITS}k`, '-bufsize', `${2 * KILOBITS}k`, output],
  ]);
  return numberFrames(rtmpUnits(await readFile(path), 0));
}

/** Of a clip whose frames are `RATE` a second, in presentation order from 0 on. Pure. */
export function numberFrames(clip: RtmpClip): NumberedClip {
  const times = clip.units.flatMap(({ data }) => presentationMs(data) ?? []);
  const firstMs = times.reduce((least, time) => Math.min(least, time), Number.POSITIVE_INFINITY);
  return {
    ...clip,
    frames: times.length,
    numberOf(message) {
      const ms = presentationMs(message);
      return ms === undefined ? undefined : Math.round(((ms - firstMs) * RATE) / 1000);
    },
  };
}

/**
 * When the frame in a message is shown, on the clip's clock: reordered frames are sent in another order. Undefined if the message contains
 * no frame. FLV 10.1, E.4.3.2. Pure.
 */
function presentationMs({ type, timestamp, payload }: RtmpMessage): number | undefined {
  if (type !== messageType.video || payload[1] !== 1) return undefined;
  // A signed number of 24 bits.
  const offset = ((payload[2]! << 24) | (payload[3]! << 16) | (payload[4]! << 8)) >> 8;
  return timestamp + offset;
}
