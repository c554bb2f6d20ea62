import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CutPart, Cutter } from '../../../src/hls/cut/cutter.js';
import { FMP4_TIMELINE_OFFSET_SECONDS, Fmp4Cutter } from '../../../src/hls/cut/fmp4-cutter.js';
import { MpegTsCutter } from '../../../src/hls/cut/mpegts-cutter.js';
import { makeClip, runFfmpeg, temporaryFolder } from '../../support/clip.js';

const folder = await temporaryFolder();
const options = { partSeconds: 0.2, segmentSeconds: 2, maxSegmentSeconds: 30 };

const containers = {
  fmp4: {
    cutter: () => new Fmp4Cutter(options),
    // As the node starts ffmpeg: a fragment every 50 ms, whether a keyframe or not.
    output: [
      ...['-f', 'mp4', '-movflags', 'empty_moov+default_base_moof+delay_moov'],
      ...['-frag_duration', '50000', '-flush_packets', '1'],
    ],
    extension: 'mp4',
  },
  mpegts: {
    cutter: () => new MpegTsCutter(options),
    output: ['-f', 'mpegts', '-flush_packets', '1'],
    extension: 'ts',
  },
} as const;

type Container = keyof typeof containers;

const clips = {
  plain: { seconds: 7, fps: 25 },
  'with B-frames': { seconds: 7, fps: 30, bFrames: 2 },
  'of an odd frame rate': { seconds: 7, fps: 12.5 },
  'with keyframes a second apart': { seconds: 5, fps: 24, keyframes: [0, 1, 2, 3, 4] },
  'of one GOP': { seconds: 5, fps: 30, keyframes: [0] },
  'without audio': { seconds: 5, fps: 30, audio: false },
  'of one frame a second': { seconds: 8, fps: 1, keyframes: [0, 4] },
} as const;

const made = new Map<string, Promise<Buffer>>();

/** What ffmpeg writes to the node's pipe for a clip. */
function mediaOf(container: Container, name: keyof typeof clips): Promise<Buffer> {
  const key = `${container} ${name}`;
  const media = made.get(key) ?? makeMedia(container, name);
  made.set(key, media);
  return media;
}

function clipPath(container: Container, name: keyof typeof clips): string {
  return join(folder, `${container}-${name.replaceAll(' ', '-')}.flv`);
}

async function makeMedia(container: Container, name: keyof typeof clips): Promise<Buffer> {
  const path = clipPath(container, name);
  await makeClip({ path, size: '160x90', ...clips[name] });
  const { stdout } = await runFfmpeg(['-i', path, '-c', 'copy', ...containers[container].output, 'pipe:1']);
  return stdout;
}

function cutAll(cutter: Cutter, media: Uint8Array, pieceBytes: number): CutPart[] {
  const parts: CutPart[] = [];
  // As pipes are read: each piece comes in the memory of the one before it.
  const memory = Buffer.alloc(Math.min(pieceBytes, media.length));
  for (let offset = 0; offset < media.length; offset += pieceBytes) {
    const piece = media.subarray(offset, offset + pieceBytes);
    memory.fill(0xff).set(piece);
    parts.push(...cutter.push(memory.subarray(0, piece.length)));
  }
  return [...parts, ...cutter.end()];
}

/** The parts as a player joins them. */
function joined(parts: readonly CutPart[]): Buffer {
  return Buffer.concat([...(parts[0]?.init === undefined ? [] : [parts[0].init]), ...parts.map(({ bytes }) => bytes)]);
}

interface Packet {
  readonly stream: number;
  readonly dts: number;
  readonly pts: number;
  readonly bytes: number;
  readonly hash: string;
}

/** The packets of a file in decoding order, with times in seconds. */
async function packetsOf(media: Buffer, name: string): Promise<Packet[]> {
  const path = join(folder, name);
  await writeFile(path, media);
  const { stdout } = await runFfmpeg(['-copyts', '-i', path, '-c', 'copy', '-map', '0', '-f', 'framecrc', 'pipe:1']);
  const lines = stdout.toString().split('\n');
  const bases = new Map(
    lines.flatMap((line) => {
      const [, stream, numerator, denominator] = /^#tb (\d+): (\d+)\/(\d+)/.exec(line) ?? [];
      return stream === undefined ? [] : [[Number(stream), Number(numerator) / Number(denominator)] as const];
    }),
  );
  return lines
    .filter((line) => /^\d/.test(line))
    .map((line) => {
      const [stream, dts, pts, , bytes, hash] = line.split(',').map((field) => field.trim());
      const base = bases.get(Number(stream))!;
      return {
        stream: Number(stream),
        dts: Number(dts) * base,
        pts: Number(pts) * base,
        bytes: Number(bytes),
        hash: hash!,
      };
    });
}

function segmentsOf(parts: readonly CutPart[]): CutPart[][] {
  const segments: CutPart[][] = [];
  for (const part of parts) {
    if (part.startsSegment) segments.push([]);
    segments.at(-1)!.push(part);
  }
  return segments;
}

const sum = (parts: readonly CutPart[]) => parts.reduce((seconds, { durationSeconds }) => seconds + durationSeconds, 0);

describe.each(Object.keys(containers) as Container[])('%s', (container) => {
  const { cutter: make, extension } = containers[container];

  describe.each(Object.keys(clips) as (keyof typeof clips)[])('a clip %s', (name) => {
    it('keeps every packet, its bytes and its times', async () => {
      const media = await mediaOf(container, name);
      const parts = cutAll(make(), media, 4096);
      const before = await packetsOf(media, `${container}-${name}-before.${extension}`);
      const after = await packetsOf(joined(parts), `${container}-${name}-after.${extension}`);
      for (const stream of new Set(before.map((packet) => packet.stream))) {
        const of = (packets: Packet[]) => packets.filter((packet) => packet.stream === stream);
        expect(of(after).map(({ hash }) => hash)).toEqual(of(before).map(({ hash }) => hash));
      }
      // One shift for all tracks: sound stays with its picture.
      const moved = container === 'fmp4' ? FMP4_TIMELINE_OFFSET_SECONDS : 0;
      const order = (packets: Packet[]) =>
        packets.toSorted((one, other) => one.stream - other.stream || one.dts - other.dts);
      const [sorted, expected] = [order(after), order(before)];
      const errors = sorted.map(({ pts }, index) => Math.abs(pts - moved - expected[index]!.pts));
      expect(Math.max(...errors)).toBeLessThan(0.002);
    });

    it('has sound and picture as far apart as the clip has, in a player that knows the parts alone', async () => {
      const parts = cutAll(make(), await mediaOf(container, name), 4096);
      const before = await packetsOf(await readFile(clipPath(container, name)), `${container}-${name}-clip.flv`);
      const after = await packetsOf(joined(parts), `${container}-${name}-cut.${extension}`);
      const firstOf = (packets: Packet[], stream: number) =>
        Math.min(...packets.filter((packet) => packet.stream === stream).map(({ pts }) => pts));
      const streams = [...new Set(before.map(({ stream }) => stream))];
      const moved = streams.map((stream) => firstOf(after, stream) - firstOf(before, stream));
      // FLV counts milliseconds.
      for (const each of moved) expect(each).toBeCloseTo(moved[0]!, 2);
    });

    it('cuts the same parts whatever the pieces', async () => {
      const media = await mediaOf(container, name);
      const expected = cutAll(make(), media, media.length);
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 1, max: 9000 }), async (pieceBytes) => {
          const parts = cutAll(make(), media, pieceBytes);
          expect(parts.length).toBe(expected.length);
          expect(joined(parts).equals(joined(expected))).toBe(true);
        }),
        { numRuns: 5, examples: [[188], [4095]] },
      );
    });

    it('gives parts that the part target allows', async () => {
      const parts = cutAll(make(), await mediaOf(container, name), 4096);
      const target = parts.at(-1)!.partTargetSeconds;
      for (const segment of segmentsOf(parts)) {
        for (const { durationSeconds } of segment) expect(durationSeconds).toBeLessThanOrEqual(target + 1e-6);
        // RFC 8216bis 4.4.4.9: at least 85 %, but for a segment's last.
        for (const { durationSeconds } of segment.slice(0, -1))
          expect(durationSeconds).toBeGreaterThanOrEqual(0.85 * target);
      }
    });

    it('starts each segment with a keyframe, as soon as it is long enough', async () => {
      const parts = cutAll(make(), await mediaOf(container, name), 4096);
      const { seconds, keyframes = [0, 2, 4, 6] } = clips[name] as { seconds: number; keyframes?: readonly number[] };
      const starts = keyframes.filter((time, index) => time < seconds && (index === 0 || time % 2 === 0));
      const segments = segmentsOf(parts);
      expect(segments.map(([first]) => Math.round(first!.startSeconds - parts[0]!.startSeconds))).toEqual(starts);
      expect(segments.every(([first]) => first!.isIndependent)).toBe(true);
      expect(Math.abs(sum(parts) - seconds)).toBeLessThan(0.1);
    });
  });

  it('ends a segment that no keyframe ends', async () => {
    const cutter =
      container === 'fmp4'
        ? new Fmp4Cutter({ ...options, maxSegmentSeconds: 3 })
        : new MpegTsCutter({ ...options, maxSegmentSeconds: 3 });
    const segments = segmentsOf(cutAll(cutter, await mediaOf(container, 'of one GOP'), 4096));
    expect(segments.map(([first]) => first!.isIndependent)).toEqual([true, false]);
    expect(sum(segments[0]!)).toBeCloseTo(3, 1);
  });

  it('says which parts have audio beside their video', async () => {
    const silent = cutAll(make(), await mediaOf(container, 'without audio'), 1000);
    expect(silent.some(({ hasAudio }) => hasAudio)).toBe(false);
    const path = join(folder, `${container}-stops.flv`);
    await makeClip({ path, size: '160x90', ...clips.plain });
    const tracks = ['-i', path, '-t', '3', '-i', path, '-map', '0:v', '-map', '1:a', '-c', 'copy'];
    const { stdout } = await runFfmpeg([...tracks, ...containers[container].output, 'pipe:1']);
    const parts = cutAll(make(), stdout, 1000);
    const since = parts[0]!.startSeconds;
    const before = parts.filter(({ startSeconds }) => startSeconds - since < 2.5);
    const after = parts.filter(({ startSeconds }) => startSeconds - since > 3.5);
    // ffmpeg puts several frames of audio into one packet of MPEG-TS.
    expect(before.filter(({ hasAudio }) => hasAudio).length).toBeGreaterThan(before.length / 2);
    expect(after.length).toBeGreaterThan(10);
    expect(after.some(({ hasAudio }) => hasAudio)).toBe(false);
  });

  it('never throws anything but source-not-media, and never grows, whatever comes', async () => {
    const media = await mediaOf(container, 'without audio');
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(media.length - 1), fc.nat(255)), { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 1, max: 20_000 }),
        (changes, pieceBytes) => {
          const broken = Buffer.from(media);
          for (const [offset, value] of changes) broken[offset] = value;
          try {
            const bytes = cutAll(make(), broken, pieceBytes).reduce((total, part) => total + part.bytes.length, 0);
            expect(bytes).toBeLessThan(2 * media.length);
          } catch (error) {
            expect(error).toMatchObject({ code: 'source-not-media' });
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});
