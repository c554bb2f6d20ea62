import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { TIMELINE_OFFSET_SECONDS } from '../../../src/ffmpeg/output/hls-output.js';
import type { MediaPart } from '../../../src/hls/segmenter.js';
import type { Container } from '../../../src/hls/window.js';
import { MediaIntake } from '../../../src/stream/hls/media-intake.js';
import { makeClip, runFfmpeg, temporaryFolder } from '../../support/clip.js';

/** As the node starts ffmpeg. */
const outputs: Readonly<Record<Container, readonly string[]>> = {
  mpegts: [
    '-muxdelay',
    '0',
    '-output_ts_offset',
    String(TIMELINE_OFFSET_SECONDS),
    '-f',
    'mpegts',
    '-flush_packets',
    '1',
  ],
  fmp4: [
    ...['-f', 'mp4', '-movflags', 'empty_moov+default_base_moof+delay_moov'],
    ...['-frag_duration', '50000', '-flush_packets', '1'],
  ],
};

const folder = await temporaryFolder();

async function partsOf(container: Container): Promise<MediaPart[]> {
  const path = join(folder, `${container}.flv`);
  await makeClip({ path, size: '160x90', seconds: 5, fps: 25, keyframes: [0, 2, 4], audio: false });
  const { stdout } = await runFfmpeg(['-i', path, '-c', 'copy', ...outputs[container], 'pipe:1']);
  const parts: MediaPart[] = [];
  const pipe = Readable.from([stdout]);
  const intake = new MediaIntake({
    renditions: ['source'],
    container,
    partSeconds: 0.2,
    segmentSeconds: 2,
    maxSegmentBytes: 10_000_000,
    now: () => 0,
    onPart: (_rendition, part) => parts.push(part),
    onFailed: (error) => expect.unreachable(String(error)),
  });
  const ended = new Promise((resolve) => pipe.once('end', resolve));
  intake.read([pipe]);
  await ended;
  intake.end();
  return parts;
}

it.each(['mpegts', 'fmp4'] as const)(
  'gives the times of parts and of keyframes on one timeline: %s',
  async (container) => {
    const parts = await partsOf(container);
    const first = parts[0]!.startSeconds;
    const keyframes = parts.flatMap(({ keyframeSeconds }) => keyframeSeconds).map((seconds) => seconds - first);
    expect(keyframes.map((seconds) => Math.round(seconds * 100) / 100)).toEqual([0, 2, 4]);
    for (const { startSeconds, durationSeconds, keyframeSeconds } of parts)
      for (const seconds of keyframeSeconds) {
        expect(seconds).toBeGreaterThan(startSeconds - 0.001);
        expect(seconds).toBeLessThan(startSeconds + durationSeconds);
      }
  },
);
