import { expect, it } from 'vitest';
import { LostTimestamps } from '../../../src/ffmpeg/log/lost-timestamps.js';

const said = [
  'DTS 3600040000, next:1040000 st:0 invalid dropping',
  'DTS 3600040000, next:1040000 invalid dropping',
  'DTS -3600040000, next:1040000 st:1 invalid dropping',
  'Non-monotonous DTS in output stream 0:0; previous: 143360, current: 48000; changing to 143361. This may result in incorrect timestamps in the output file.',
  'Non-monotonic DTS; previous: 143360, current: 48000; changing to 143361. This may result in incorrect timestamps in the output file.',
];
const harmless = [
  'PTS 1, next:2 invalid dropping st:0',
  // Two packets of one time.
  'Non-monotonous DTS in output stream 0:0; previous: 143360, current: 143360; changing to 143361. This may',
  // Timestamps that stand still, a frame of audio back.
  'Non-monotonic DTS; previous: 453600, current: 450000; changing to 453601. This may',
];

it.each(said)('takes timestamps for lost when each packet loses its own: %s', (line) => {
  const lost = new LostTimestamps('fmp4');
  expect(lost.isRecent(0)).toBe(false);
  const answers = Array.from({ length: 12 }, (_, index) => lost.line(line, index * 20));
  expect(answers.indexOf(true)).toBe(4);
  expect([lost.isRecent(5000), lost.isRecent(6000)]).toEqual([true, false]);
});

it.each(said)('does not where one is lost now and then: %s', (line) => {
  const lost = new LostTimestamps('fmp4');
  for (let at = 0; at < 1_000_000; at += 1500) expect(lost.line(line, at)).toBe(false);
});

it('does not in a transport stream for a second or so, by which an RTSP camera moves its tracks', () => {
  const lost = new LostTimestamps('mpegts');
  const line = (previous: number) =>
    `Non-monotonic DTS; previous: ${previous}, current: 333600; changing to ${previous + 1}. This may`;
  for (let at = 0; at < 1000; at += 20) expect(lost.line(line(446_400), at)).toBe(false);
  expect([0, 20, 40, 60, 80].map((at) => lost.line(line(873_600), 2000 + at))).toEqual([
    false,
    false,
    false,
    false,
    true,
  ]);
});

it('does not where it is the audio that loses its own: it goes on behind what came before', () => {
  const lost = new LostTimestamps('fmp4');
  for (const [index, kind] of ['Audio: aac', 'Video: h264 (High), yuv420p'].entries())
    lost.line(`  Stream #0:${index}: ${kind}`, 0);
  for (let at = 0; at < 1000; at += 20)
    expect(lost.line('DTS 3600040000, next:1040000 st:0 invalid dropping', at)).toBe(false);
  const answers = Array.from({ length: 6 }, (_, index) =>
    lost.line('DTS 3600040000, next:1040000 st:1 invalid dropping', 2000 + index * 20),
  );
  expect(answers.indexOf(true)).toBe(4);
});

it.each(harmless)('does not for other words: %s', (line) => {
  const lost = new LostTimestamps('fmp4');
  for (let at = 0; at < 1000; at += 1) expect(lost.line(line, at)).toBe(false);
  expect(lost.isRecent(1000)).toBe(false);
});
