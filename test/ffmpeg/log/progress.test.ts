import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Progress, ProgressParser } from '../../../src/ffmpeg/log/progress.js';
import { ffmpegs, makeWithFfmpeg } from '../../support/ffmpeg.js';

function parse(bytes: Uint8Array, cuts: readonly number[] = []): Progress[] {
  const reports: Progress[] = [];
  const parser = new ProgressParser((report) => reports.push(report));
  const ends = [...cuts.map((cut) => Math.floor(cut * bytes.length)), bytes.length].sort((a, b) => a - b);
  let start = 0;
  for (const end of ends) {
    parser.push(bytes.subarray(start, end));
    start = end;
  }
  return reports;
}

const text = (...lines: string[]) => Buffer.from(`${lines.join('\n')}\n`);
const cutsArbitrary = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 60 });
const nothing = {
  ...{ outSeconds: undefined, fps: undefined, speed: undefined },
  ...{ droppedFrames: undefined, duplicatedFrames: undefined, end: false },
};

describe('ProgressParser', () => {
  it('reads a block', () => {
    const block = text(
      ...['frame=50', 'fps=24.97', 'stream_0_0_q=-1.0', 'bitrate=N/A', 'total_size=N/A', 'out_time_us=2020136'],
      ...['out_time_ms=2020136', 'out_time=00:00:02.020136', 'dup_frames=3', 'drop_frames=1', 'speed=1.01x'],
      'progress=continue',
    );
    expect(parse(block)).toEqual([
      { outSeconds: 2.020136, frames: 50, fps: 24.97, speed: 1.01, droppedFrames: 1, duplicatedFrames: 3, end: false },
    ]);
  });

  it.each([
    [
      'not known yet',
      text('fps=0.00', 'out_time_us=N/A', 'out_time_ms=N/A', 'speed=N/A', 'progress=continue'),
      { fps: 0 },
    ],
    ['older than out_time_us', text('out_time_ms=1500000', 'progress=continue'), { outSeconds: 1.5 }],
    ['before the beginning', text('out_time_us=-9223372036854775807', 'progress=continue'), {}],
    ['padded', text('speed=   1e+03x', 'fps=  5', 'progress=end'), { speed: 1000, fps: 5, end: true }],
    ['empty', text('progress=continue'), {}],
    ['with Windows line ends', Buffer.from('fps=5\r\nprogress=end\r\n'), { fps: 5, end: true }],
    ['of lines that say nothing', text('', '=', '=x', 'noise', 'a=b=c', 'progress=continue'), {}],
  ])('reads a block that is %s', (_, block, expected) => {
    expect(parse(block)).toEqual([{ ...nothing, ...expected }]);
  });

  it('takes nothing over from one block to the next, and waits for the end of a block', () => {
    expect(parse(text('fps=5', 'progress=continue', 'speed=2x', 'progress=continue', 'fps=7'))).toEqual([
      { ...nothing, fps: 5 },
      { ...nothing, speed: 2 },
    ]);
  });

  it('gives the same reports wherever the bytes are cut', () => {
    const line = fc.oneof(
      fc
        .tuple(fc.constantFrom('fps', 'speed', 'out_time_us', 'drop_frames', 'é€😀'), fc.integer())
        .map((pair) => pair.join('=')),
      fc.constant('progress=continue'),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(line), cutsArbitrary, (lines, cuts) => {
        const bytes = text(...lines);
        expect(parse(bytes, cuts)).toEqual(parse(bytes));
      }),
    );
  });

  it('bounds what it holds of data that never end', () => {
    const reports: Progress[] = [];
    const parser = new ProgressParser((report) => reports.push(report));
    const noise = Buffer.alloc(100_000, 'x');
    for (let piece = 0; piece < 200; piece++) parser.push(noise);
    for (let key = 0; key < 100_000; key++) parser.push(Buffer.from(`\nkey${key}=1`));
    parser.push(text('', 'progress=end'));
    expect(reports).toEqual([{ ...nothing, end: true }]);
  });

  it.each(ffmpegs)('reads what the $name ffmpeg reports, wherever it is cut', async ({ path }) => {
    const { side } = await makeWithFfmpeg(path, [
      ...['-nostats', '-progress', 'pipe:3', '-f', 'lavfi', '-i', 'testsrc2=size=64x36:rate=25:duration=2'],
      ...['-f', 'rawvideo', '-y', '/dev/null'],
    ]);
    const reports = parse(side);
    expect(reports.at(-1)).toMatchObject({ outSeconds: 2, end: true, droppedFrames: 0, duplicatedFrames: 0 });
    expect(reports.at(-1)?.speed).toBeGreaterThan(0);
    fc.assert(
      fc.property(cutsArbitrary, (cuts) => {
        expect(parse(side, cuts)).toEqual(reports);
      }),
    );
  });
});
