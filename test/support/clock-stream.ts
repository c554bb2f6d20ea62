import { mkdtemp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { runFfmpeg } from './clip.js';
import { clockPicture, readClockPicture } from './clock-picture.js';
import { startHttpSource } from './http-source.js';
import { startNode, type TestNode } from './node.js';
import { type PacedStream, paceTransportStream } from './paced-transport-stream.js';
import { until } from './wait.js';

export const RATE = 25;

export interface ClipPart {
  readonly seconds: number;
  readonly size?: string;
  readonly rate?: number;
  readonly bFrames?: number;
  /** Seconds from keyframe to keyframe. */
  readonly keyframes?: number;
}

/** A transport stream whose pictures carry their own number, of parts one behind the other. */
export async function makeClock(folder: string, parts: readonly ClipPart[], startSeconds = 0): Promise<PacedStream> {
  const pieces: Uint8Array[] = [];
  let from = 0;
  let at = startSeconds;
  const parent = await mkdtemp(join(folder, 'clock-'));
  for (const [index, part] of parts.entries()) {
    const { seconds, size = '320x180', rate = RATE, bFrames = 0, keyframes = 1 } = part;
    const path = join(parent, `${index}.ts`);
    await runFfmpeg([
      ...['-f', 'lavfi', '-i', clockPicture({ size, rate, from }), '-t', String(seconds)],
      ...['-c:v', 'libx264', '-preset', 'veryfast', '-bf', String(bFrames), '-b_strategy', '0', '-pix_fmt', 'yuv420p'],
      ...['-g', String(rate * keyframes), '-keyint_min', String(rate * keyframes), '-sc_threshold', '0'],
      ...['-output_ts_offset', String(at), '-muxdelay', '0', '-muxpreload', '0', '-f', 'mpegts', path],
    ]);
    pieces.push(await readFile(path));
    from += Math.round(seconds * rate);
    at += seconds;
  }
  return paceTransportStream(Buffer.concat(pieces));
}

export interface Served {
  readonly node: TestNode;
  readonly clock: PacedStream;
}

export async function serveClock(
  clock: PacedStream,
  more: object = {},
  thumbnail: object = {},
  path?: string,
): Promise<Served> {
  const source = await startHttpSource({ routes: { '/clock.ts': clock.route } });
  const node = await startNode({
    ...(path === undefined ? {} : { ffmpeg: { path } }),
    streams: [
      {
        name: 'cam',
        source: `${source.url}/clock.ts`,
        hls: { segmentSeconds: 1 },
        thumbnail: { intervalSeconds: 1, width: 320, quality: 95, staleAfterSeconds: 30, ...thumbnail },
        ...more,
      },
    ],
  });
  return { node, clock };
}

/** The next pictures, each with how far its capture time is from the truth, in milliseconds: positive where it is too late. */
export async function errorsOf(
  { node, clock }: Served,
  count: number,
  isWanted: (frame: number) => boolean = () => true,
) {
  const errors: { readonly frame: number; readonly errorMs: number }[] = [];
  let seen = '';
  while (errors.length < count) {
    const { captured, image } = await until(
      'another picture',
      async () => {
        const { status, headers, body } = await node.bytes('/live/cam/thumbnail.jpg');
        const captured = headers.get('sidepipe-captured-at') ?? '';
        if (status !== 200 || captured === '' || captured === seen) return undefined;
        return headers.get('sidepipe-image-state') === 'fresh' ? { captured, image: body } : undefined;
      },
      { timeoutMs: 20_000 },
    );
    seen = captured;
    const frame = await readClockPicture(image);
    if (isWanted(frame)) errors.push({ frame, errorMs: Date.parse(captured) - clock.takenAt(frame) });
  }
  return errors;
}

/**
 * Most are right to a frame, and none is dated too early. A busy machine that passes a packet on late, before the node can know of
 * it, makes one date too late until the next packets are on time.
 */
export function expectWithinAFrame(errors: Awaited<ReturnType<typeof errorsOf>>, rate = RATE): void {
  const said = JSON.stringify(errors);
  const sizes = errors.map(({ errorMs }) => Math.abs(errorMs)).sort((one, other) => one - other);
  expect(sizes[Math.floor((sizes.length - 1) / 2)], said).toBeLessThanOrEqual(1000 / rate);
  for (const { errorMs } of errors) expect(errorMs, said).toBeGreaterThanOrEqual(-1000 / rate);
}
