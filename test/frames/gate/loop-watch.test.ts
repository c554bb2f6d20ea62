import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LoopWatch, type PictureSize, showsMotion } from '../../../src/frames/gate/loop-watch.js';
import { runFfmpeg, temporaryFolder } from '../../support/clip.js';
import { unitsOf } from '../../support/cut-media.js';

const gop = (keyBytes: number, others: readonly number[]): PictureSize[] => [
  { isKey: true, bytes: keyBytes },
  ...others.map((bytes) => ({ isKey: false, bytes })),
];

/** When motion was last seen, where one picture comes each millisecond from 1 on. */
function movedAt(pictures: readonly PictureSize[]): number | undefined {
  const watch = new LoopWatch();
  for (const [index, picture] of pictures.entries()) watch.add([picture], index + 1);
  return watch.movedAt;
}

const sizes = (min: number, max: number, length: { minLength: number; maxLength: number }) =>
  fc.array(fc.integer({ min, max }), length);

describe('LoopWatch', () => {
  it('knows a moving clip from its 24th picture in the second round on, and says when it last moved', () => {
    const clip = gop(20_000, Array<number>(40).fill(3000));
    expect(movedAt(clip)).toBeUndefined();
    expect(movedAt([...clip, ...clip.slice(0, 24)])).toBeUndefined();
    expect(movedAt([...clip, ...clip.slice(0, 25)])).toBe(66);
    expect(movedAt([...clip, ...clip, ...clip])).toBe(123);
    // What follows is another thing.
    expect(movedAt([...clip, ...clip, ...gop(20_000, [5, 5, 5])])).toBe(82);
  });

  it('knows each loop of GOPs that move, however many and however short they are', () => {
    const moving = fc.tuple(fc.integer({ min: 5000, max: 50_000 }), sizes(1000, 9000, { minLength: 1, maxLength: 60 }));
    fc.assert(
      fc.property(fc.array(moving, { minLength: 1, maxLength: 20 }), (gops) => {
        const clip = gops.flatMap(([keyBytes, others]) => gop(keyBytes, others));
        const rounds = Math.ceil(60 / clip.length) + 2;
        const pictures = Array.from({ length: rounds }, () => clip).flat();
        expect(movedAt(pictures)).toBeGreaterThan(pictures.length - clip.length);
      }),
    );
  });

  it('sees no motion in what a still picture takes, whether it is the same each time or never', () => {
    const kept = fc.record({
      keyBytes: fc.integer({ min: 10_000, max: 400_000 }),
      // An encoder may improve the picture at first.
      improving: sizes(0, 60_000, { minLength: 0, maxLength: 20 }),
      rest: sizes(0, 150, { minLength: 30, maxLength: 60 }),
    });
    fc.assert(
      fc.property(kept, fc.integer({ min: 2, max: 10 }), ({ keyBytes, improving, rest }, rounds) => {
        const one = gop(keyBytes, [...improving, ...rest]);
        expect(movedAt(Array.from({ length: rounds }, () => one).flat())).toBeUndefined();
      }),
    );
  });

  it('takes large pictures that never come again for no proof, as a constant bitrate has them', () => {
    const pictures = Array.from({ length: 40 }, (_, round) =>
      gop(
        60_000,
        Array.from({ length: 49 }, (__, at) => 3000 + ((round * 50 + at) % 9973)),
      ),
    ).flat();
    expect(movedAt(pictures)).toBeUndefined();
  });

  it('never throws and never says a time that is not one of its own, whatever comes', () => {
    const any = fc.record({ isKey: fc.boolean(), bytes: fc.nat(5000) });
    fc.assert(
      fc.property(fc.array(any, { maxLength: 300 }), (pictures) => {
        const at = movedAt(pictures);
        if (at !== undefined) expect(at).toBeLessThanOrEqual(pictures.length);
      }),
    );
  });

  it('remembers a bounded number of pictures, and goes on where there are no keyframes', () => {
    const endless = gop(20_000, Array<number>(20_000).fill(3000));
    const clip = gop(20_000, Array<number>(40).fill(2999));
    expect(movedAt([...endless, ...endless])).toBeUndefined();
    expect(movedAt([...endless, ...clip, ...clip])).toBe(endless.length + 2 * clip.length);
  });
});

it.each([
  ['nothing between keyframes', [], false],
  ['skipped pictures', [20, 21, 20, 22], false],
  ['a picture that is improved at first', [9000, 4000, 600, 90, 40, 30, 30, 30], false],
  ['motion', [2000, 1500, 1800, 1700], true],
  ['motion in most of the later half', [10, 10, 2000, 10, 2000, 2000], true],
] as const)('showsMotion of %s: %o is %s', (_, others, moves) => {
  expect(showsMotion({ keyBytes: 20_000, others })).toBe(moves);
});

describe('LoopWatch on encoded video', () => {
  const moving = 'testsrc2=size=320x180:rate=25';
  /** A detailed picture that a camera repeats. */
  const still = 'mandelbrot=size=320x180:rate=25,trim=end_frame=1,loop=300:1,setpts=N/25/TB';
  const encoders = {
    'at constant quality': ['-preset', 'veryfast'],
    'at an average bitrate': ['-preset', 'veryfast', '-b:v', '1M'],
    'with several slices': ['-preset', 'veryfast', '-tune', 'zerolatency', '-x264-params', 'slices=4'],
    'at a constant bitrate with filler': [
      ...['-preset', 'veryfast', '-b:v', '2M', '-minrate', '2M', '-maxrate', '2M', '-bufsize', '2M'],
      ...['-x264-params', 'nal-hrd=cbr:force-cfr=1'],
    ],
    'at a constant bitrate that is too small': [
      ...['-preset', 'veryfast', '-tune', 'zerolatency', '-b:v', '200k', '-maxrate', '200k', '-bufsize', '100k'],
    ],
  } as const;
  type Encoder = keyof typeof encoders;

  it.each(Object.keys(encoders) as Encoder[])(
    'sees no motion in a picture that is encoded again and again %s',
    async (name) => {
      const folder = await temporaryFolder();
      for (const container of ['mpegts', 'fmp4'] as const) {
        const path = join(folder, container);
        await encode(still, 12, ['-c:v', 'libx264', ...encoders[name], '-g', '25'], container, path);
        const pictures = await unitsOf(path, container);
        expect(pictures.length).toBe(300);
        expect(movedAt(pictures), container).toBeUndefined();
      }
    },
  );

  it.each(Object.keys(encoders) as Encoder[])('knows a moving clip in a loop that was encoded %s', async (name) => {
    const folder = await temporaryFolder();
    const clip = join(folder, 'clip.mp4');
    await encode(moving, 1.2, ['-c:v', 'libx264', ...encoders[name], '-g', '250'], 'fmp4', clip);
    for (const container of ['mpegts', 'fmp4'] as const) {
      const path = join(folder, container);
      await runFfmpeg(['-stream_loop', '4', '-i', clip, '-c', 'copy', ...formats[container], '-y', path]);
      const pictures = await unitsOf(path, container);
      expect(movedAt(pictures), container).toBe(pictures.length);
    }
  });

  it('leaves the filler of a constant bitrate out, in both containers', async () => {
    const folder = await temporaryFolder();
    const encoder = encoders['at a constant bitrate with filler'];
    const bytes = await Promise.all(
      (['mpegts', 'fmp4'] as const).map(async (container) => {
        const path = join(folder, container);
        await encode(
          'color=gray:size=320x180:rate=25',
          4,
          ['-c:v', 'libx264', ...encoder, '-g', '25'],
          container,
          path,
        );
        return (await unitsOf(path, container)).reduce((sum, unit) => sum + unit.bytes, 0);
      }),
    );
    // 1 MB of filler.
    for (const sum of bytes) expect(sum).toBeLessThan(50_000);
  });
});

const formats = {
  mpegts: ['-f', 'mpegts'],
  fmp4: ['-f', 'mp4', '-movflags', 'empty_moov+default_base_moof+delay_moov', '-frag_duration', '50000'],
} as const;

async function encode(
  picture: string,
  seconds: number,
  encoder: readonly string[],
  container: keyof typeof formats,
  path: string,
): Promise<void> {
  const input = ['-f', 'lavfi', '-i', picture, '-t', String(seconds), '-pix_fmt', 'yuv420p'];
  await runFfmpeg([...input, ...encoder, '-sc_threshold', '0', ...formats[container], '-y', path]);
}
