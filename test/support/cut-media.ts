import { readFile } from 'node:fs/promises';
import type { CodedUnit } from '../../src/hls/cut/coded-bytes.js';
import { Fmp4Cutter } from '../../src/hls/cut/fmp4-cutter.js';
import { MpegTsCutter } from '../../src/hls/cut/mpegts-cutter.js';
import { type MediaPart, Segmenter } from '../../src/hls/segmenter.js';
import type { Container } from '../../src/hls/window.js';

/** A whole segment, as the window joins it. */
export interface CutSegment {
  readonly body: Uint8Array;
  readonly init: Uint8Array | undefined;
  readonly durationSeconds: number;
  readonly startSeconds: number;
  readonly isDiscontinuity: boolean;
}

/** Joins the parts of each segment. */
export function joinParts(parts: readonly MediaPart[]): CutSegment[] {
  const sequences = [...new Set(parts.map(({ sequence }) => sequence))];
  return sequences.map((wanted) => {
    const own = parts.filter(({ sequence }) => sequence === wanted);
    const { init, startSeconds, isDiscontinuity } = own[0]!;
    const durationSeconds = own.reduce((sum, part) => sum + part.durationSeconds, 0);
    return { body: Buffer.concat(own.map(({ bytes }) => bytes)), init, durationSeconds, startSeconds, isDiscontinuity };
  });
}

/** Cuts what ffmpeg wrote for one rendition. */
export function cutMedia(media: Uint8Array, container: Container, segmentSeconds = 2): CutSegment[] {
  const timing = { partSeconds: 0.2, segmentSeconds, maxSegmentSeconds: 60 };
  const cutter = container === 'fmp4' ? new Fmp4Cutter(timing) : new MpegTsCutter(timing);
  const segmenter = new Segmenter({ maxSegmentBytes: 64 * 1024 ** 2 });
  return joinParts([...cutter.push(media), ...cutter.end()].map((part) => segmenter.add(part, 0)));
}

/** What the pictures of a file take. */
export async function unitsOf(path: string, container: Container): Promise<CodedUnit[]> {
  const timing = { partSeconds: 0.2, segmentSeconds: 2, maxSegmentSeconds: 60 };
  const cutter = container === 'fmp4' ? new Fmp4Cutter(timing) : new MpegTsCutter(timing);
  return [...cutter.push(await readFile(path)), ...cutter.end()].flatMap(({ units }) => units);
}
