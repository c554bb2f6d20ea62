import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SidepipeError } from '../../src/errors.js';
import type { DecodedPicture } from '../../src/frames/frame.js';
import { NutSplitter } from '../../src/frames/nut-demuxer.js';
import { ffmpegs, makeWithFfmpeg, type TestedFfmpeg } from '../support/ffmpeg.js';
import { FLAG, fileId, type NutFrame, type NutLayout, NutWriter, packet, unsigned } from '../support/nut-writer.js';

const MAX_TEST_PICTURE = 1_000_000;

/** A splitter, and what it gave. */
function collect(acquire = (bytes: number): Uint8Array | undefined => new Uint8Array(bytes)) {
  const pictures: DecodedPicture[] = [];
  let skipped = 0;
  const splitter = new NutSplitter({
    frames: { acquire },
    onPicture: (picture) => pictures.push({ ...picture, data: new Uint8Array(picture.data) }),
    onSkipped: () => {
      skipped += 1;
    },
  });
  return { splitter, pictures, skipped: () => skipped };
}

/** Pushes bytes cut into pieces, each in memory that is overwritten afterwards, as a reader with one buffer would. */
function pushCut(splitter: NutSplitter, bytes: Uint8Array, cuts: readonly number[]): void {
  const ends = [...new Set([...cuts.map((cut) => Math.floor(cut * bytes.length)), bytes.length])].sort((a, b) => a - b);
  const memory = Buffer.alloc(bytes.length);
  let start = 0;
  for (const end of ends) {
    const piece = memory.subarray(0, end - start);
    piece.set(bytes.subarray(start, end));
    splitter.push(piece);
    piece.fill(0xee);
    start = end;
  }
}

function errorOf(work: () => void): unknown {
  try {
    work();
    return undefined;
  } catch (error) {
    return error;
  }
}

const cutsArbitrary = fc.oneof(
  fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 40 }),
  // Every byte alone.
  fc.constant(Array.from({ length: 4000 }, (_, index) => index / 4000)),
);

const timeBaseArbitrary = fc
  .constantFrom([1, 25], [1001, 30_000], [1, 51_200], [1, 90_000], [1, 1_000_000], [2, 3])
  .map(([numerator, denominator]) => ({ numerator: numerator!, denominator: denominator! }));

const flagsArbitrary = fc
  .subarray([FLAG.codedPts, FLAG.sizeMsb, FLAG.checksum, FLAG.streamId, FLAG.matchTime, FLAG.headerIdx, FLAG.reserved])
  .map((flags) => flags.reduce((sum, flag) => sum | flag, 1));

function layoutArbitrary(width: number, height: number): fc.Arbitrary<NutLayout> {
  const size = width * height * 3;
  const run = fc
    .record({
      flags: flagsArbitrary,
      ptsDelta: fc.integer({ min: -3, max: 3000 }),
      // Sizes that can say a picture's, often as the last of a run of codes.
      sizeMul: fc.integer({ min: 1, max: 9 }),
      sizeLsb: fc.integer({ min: Math.max(0, size - 12), max: size }),
      reserved: fc.integer({ min: 0, max: 3 }),
      count: fc.integer({ min: 1, max: 40 }),
      headerIndex: fc.integer({ min: 0, max: 2 }),
    })
    .map((made) => (made.flags & FLAG.sizeMsb ? { ...made, sizeLsb: size % made.sizeMul, count: 1 } : made));
  const remainder = fc.constant({
    ...{ flags: FLAG.sizeMsb | FLAG.codedPts, ptsDelta: 0, reserved: 0, headerIndex: 0 },
    ...{ sizeMul: 12, sizeLsb: 0, count: undefined },
  });
  return fc.record({
    width: fc.constant(width),
    height: fc.constant(height),
    timeBases: fc.array(timeBaseArbitrary, { minLength: 3, maxLength: 3 }),
    timeBaseIndex: fc.integer({ min: 0, max: 2 }),
    msbPtsShift: fc.integer({ min: 1, max: 20 }),
    elisions: fc.constant([new Uint8Array([0, 0, 0]), new Uint8Array([7])]),
    runs: fc.array(fc.oneof({ weight: 4, arbitrary: run }, remainder), { maxLength: 8 }),
  });
}

/** Something that a stream can hold between its headers and its end. */
type Item =
  | { readonly kind: 'frame'; readonly step: number; readonly frame: Omit<NutFrame, 'pts'> }
  | { readonly kind: 'syncpoint'; readonly step: number; readonly timeBase: number }
  | { readonly kind: 'info'; readonly bytes: number }
  | { readonly kind: 'index' | 'headers' | 'end-of-relevance' };

function itemArbitrary(width: number, height: number): fc.Arbitrary<Item> {
  const size = width * height * 3;
  const data = fc
    .tuple(fc.constantFrom(0, 7, 200), fc.uint8Array({ minLength: 4, maxLength: 4 }))
    .map(([first, pattern]) =>
      Uint8Array.from({ length: size }, (_, index) => (index < 3 ? first : pattern[index % 4]!)),
    );
  const step = fc.oneof(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 0, max: 2 ** 33 }));
  const frame = fc.record({
    data,
    choice: fc.double({ min: 0, max: 0.999, noNaN: true }),
    extras: fc.record({
      fullPts: fc.boolean(),
      checksum: fc.boolean(),
      streamId: fc.boolean(),
      matchTime: fc.boolean(),
      reserved: fc.integer({ min: 0, max: 3 }),
    }),
  });
  return fc.oneof(
    { weight: 8, arbitrary: fc.record({ kind: fc.constant('frame' as const), step, frame }) },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant('syncpoint' as const), step, timeBase: fc.integer({ min: 0, max: 2 }) }),
    },
    fc.record({ kind: fc.constant('info' as const), bytes: fc.constantFrom(0, 30, 5000) }),
    fc.record({ kind: fc.constantFrom('index' as const, 'headers' as const, 'end-of-relevance' as const) }),
  );
}

interface Written {
  readonly bytes: Uint8Array;
  readonly pictures: readonly { readonly data: Uint8Array; readonly ptsSeconds: number }[];
}

function write(layout: NutLayout, items: readonly Item[]): Written {
  const writer = new NutWriter(layout);
  const { numerator, denominator } = layout.timeBases[layout.timeBaseIndex]!;
  const headers = () => [writer.mainHeader(), writer.streamHeader()];
  const parts = [fileId, ...headers()];
  const pictures: { data: Uint8Array; ptsSeconds: number }[] = [];
  let pts = 0;
  for (const item of items) {
    if (item.kind === 'frame') {
      pts += item.step;
      parts.push(writer.frame({ ...item.frame, pts }));
      pictures.push({ data: item.frame.data, ptsSeconds: (pts * numerator) / denominator });
    } else if (item.kind === 'syncpoint') {
      parts.push(writer.syncpoint(pts + item.step, item.timeBase));
    } else if (item.kind === 'info') {
      parts.push(writer.info(item.bytes));
    } else if (item.kind === 'index') {
      parts.push(writer.index());
    } else if (item.kind === 'headers') {
      parts.push(...headers());
    } else {
      parts.push(writer.endOfRelevance(pts));
    }
  }
  return { bytes: Buffer.concat(parts), pictures };
}

const streamArbitrary = fc.constantFrom([1, 1], [2, 1], [3, 2], [8, 5], [40, 36]).chain(([width, height]) =>
  fc.record({
    layout: layoutArbitrary(width!, height!),
    items: fc.array(itemArbitrary(width!, height!), { maxLength: 12 }),
  }),
);

const plain: NutLayout = {
  ...{ width: 2, height: 2, timeBaseIndex: 0, msbPtsShift: 7, elisions: [], runs: [] },
  timeBases: [{ numerator: 1, denominator: 25 }],
};
const picture = (fill: number, pts = 0): NutFrame => ({
  pts,
  data: new Uint8Array(12).fill(fill),
  choice: 1,
  extras: { fullPts: false, checksum: false, streamId: false, matchTime: false, reserved: 0 },
});

describe('NutSplitter on streams by the book', () => {
  it('gives the same pictures and times wherever the bytes are cut', () => {
    fc.assert(
      fc.property(streamArbitrary, cutsArbitrary, ({ layout, items }, cuts) => {
        const { bytes, pictures } = write(layout, items);
        const { splitter, pictures: given } = collect();
        pushCut(splitter, bytes, cuts);
        expect(given.map(({ ptsSeconds }) => ptsSeconds)).toEqual(pictures.map(({ ptsSeconds }) => ptsSeconds));
        given.forEach(({ data, width, height }, index) => {
          expect(Buffer.compare(data, pictures[index]!.data)).toBe(0);
          expect([width, height]).toEqual([layout.width, layout.height]);
        });
      }),
      { numRuns: 1000 },
    );
  });

  it('lets pictures pass by for which there is no buffer, and goes on with the next', () => {
    fc.assert(
      fc.property(
        streamArbitrary,
        cutsArbitrary,
        fc.infiniteStream(fc.boolean()),
        ({ layout, items }, cuts, isThere) => {
          const { bytes, pictures } = write(layout, items);
          const lent: boolean[] = [];
          const {
            splitter,
            pictures: given,
            skipped,
          } = collect((size) => {
            lent.push(isThere.next().value);
            return lent.at(-1) ? new Uint8Array(size) : undefined;
          });
          pushCut(splitter, bytes, cuts);
          expect(lent).toHaveLength(pictures.length);
          expect(given.map(({ data }) => data)).toEqual(
            pictures.filter((_, index) => lent[index]).map(({ data }) => data),
          );
          expect(skipped()).toBe(lent.filter((each) => !each).length);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('copies each byte of a picture once, into the buffer that was lent, which may be longer', () => {
    let copied = 0;
    class CountingBuffer extends Uint8Array {
      override set(source: ArrayLike<number>, offset?: number): void {
        copied += source.length;
        super.set(source, offset);
      }
    }
    fc.assert(
      fc.property(streamArbitrary, cutsArbitrary, ({ layout, items }, cuts) => {
        const { bytes, pictures } = write(layout, items);
        copied = 0;
        const buffers: Uint8Array[] = [];
        const given: DecodedPicture[] = [];
        const splitter = new NutSplitter({
          frames: {
            acquire: (size) => {
              buffers.push(new CountingBuffer(size + 5));
              return buffers.at(-1);
            },
          },
          onPicture: (each) => given.push(each),
        });
        pushCut(splitter, bytes, cuts);
        expect(copied).toBe(pictures.reduce((sum, { data }) => sum + data.length, 0));
        given.forEach(({ data }, index) => {
          expect(data.buffer).toBe(buffers[index]!.buffer);
          expect(data).toHaveLength(layout.width * layout.height * 3);
        });
      }),
      { numRuns: 200 },
    );
  });

  it('gives a picture at its last byte, not at the next packet', () => {
    const writer = new NutWriter({ ...plain, elisions: [new Uint8Array(12).fill(9)] });
    const { splitter, pictures } = collect();
    for (const bytes of [fileId, writer.mainHeader(), writer.streamHeader(), writer.frame(picture(1))]) {
      splitter.push(bytes);
    }
    expect(pictures).toHaveLength(1);
    // This one is all elision: there is no byte of it in the stream.
    splitter.push(writer.frame(picture(9, 1)));
    expect(pictures.map(({ data }) => data[11])).toEqual([1, 9]);
  });

  it('reads dates in microseconds to the tick', () => {
    const pts = 1_790_000_000_123_457;
    const layout = { ...plain, timeBases: [{ numerator: 1, denominator: 1_000_000 }] };
    const delta = { ptsDelta: 1, sizeMul: 1, sizeLsb: 12, reserved: 0, count: 1, headerIndex: 0, flags: 1 };
    const writer = new NutWriter({ ...layout, runs: [delta] });
    const { splitter, pictures } = collect();
    for (let tick = 0; tick < 50; tick++) {
      const headers = tick === 0 ? [fileId, writer.mainHeader(), writer.streamHeader()] : [];
      const point = writer.syncpoint(pts + 2 * tick, 0);
      const frame = writer.frame({ ...picture(1, pts + 2 * tick + 1), choice: 0 });
      // One byte of header: the time is told by the syncpoint alone.
      expect(frame).toHaveLength(13);
      splitter.push(Buffer.concat([...headers, point, frame]));
    }
    expect(pictures.map((each) => each.ptsSeconds)).toEqual(
      pictures.map((_, tick) => (pts + 2 * tick + 1) / 1_000_000),
    );
  });
});

describe('NutSplitter on bytes that ffmpeg does not write', () => {
  const isFrameInvalid = (error: unknown) => error instanceof SidepipeError && error.code === 'frame-invalid';

  /** Pushes bytes and fails on anything but pictures of the announced sizes and `frame-invalid`. */
  function attack(bytes: Uint8Array, cuts: readonly number[]): number {
    let asked = 0;
    const { splitter, pictures } = collect((size) => {
      asked += 1;
      expect(size).toBeLessThanOrEqual(3 * 2 ** 27);
      return size > MAX_TEST_PICTURE ? undefined : new Uint8Array(size);
    });
    const error = errorOf(() => pushCut(splitter, bytes, cuts));
    if (error !== undefined && !isFrameInvalid(error)) throw error;
    for (const { data, width, height, ptsSeconds } of pictures) {
      expect(data).toHaveLength(width * height * 3);
      expect(ptsSeconds).not.toBeNaN();
    }
    expect(pictures.length).toBeLessThanOrEqual(asked);
    // A picture takes at least one byte.
    expect(asked).toBeLessThanOrEqual(bytes.length);
    return pictures.length;
  }

  it('takes garbage for what it is', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 500 }),
        fc.boolean(),
        cutsArbitrary,
        (noise, greeted, cuts) => {
          const bytes = greeted ? Buffer.concat([fileId, noise]) : noise;
          expect(attack(bytes, cuts)).toBe(0);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('survives mutations: fewer or other pictures, or `frame-invalid`', () => {
    const mutation = fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      remove: fc.integer({ min: 0, max: 6 }),
      insert: fc.oneof(
        fc.uint8Array({ maxLength: 6 }),
        fc
          .constantFrom(...(['main', 'stream', 'syncpoint'] as const))
          .chain((kind) =>
            fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 40 }).map((content) => packet(kind, content)),
          ),
      ),
    });
    fc.assert(
      fc.property(
        streamArbitrary,
        fc.array(mutation, { minLength: 1, maxLength: 4 }),
        cutsArbitrary,
        ({ layout, items }, mutations, cuts) => {
          let { bytes } = write(layout, items);
          for (const { at, remove, insert } of mutations) {
            const start = Math.floor(at * bytes.length);
            bytes = Buffer.concat([bytes.subarray(0, start), insert, bytes.subarray(start + remove)]);
          }
          attack(bytes, cuts);
        },
      ),
      { numRuns: 1000 },
    );
  });

  const writer = new NutWriter(plain);
  const video = (width: number, height: number) => new NutWriter({ ...plain, width, height });
  const headers = [fileId, writer.mainHeader(), writer.streamHeader()];
  const varied = (from: string, to: string) =>
    Uint8Array.from(Buffer.from(Buffer.from(writer.mainHeader()).toString('hex').replace(from, to), 'hex'));
  it.each<[string, Uint8Array[]]>([
    ['no NUT at all', [Buffer.from('RIFF and so on, which is something else')]],
    ['a picture of a wrong size', [...headers, video(2, 3).frame({ ...picture(1), data: new Uint8Array(18) })]],
    ['a frame before the headers', [fileId, writer.frame(picture(1))]],
    ['a frame before the video header', [fileId, writer.mainHeader(), writer.frame(picture(1))]],
    ['a stream before the main header', [fileId, writer.streamHeader()]],
    ['another version', [fileId, varied('03018280', '04018280')]],
    ['two streams', [fileId, varied('03018280', '03028280')]],
    ['a picture without width', [fileId, writer.mainHeader(), video(0, 2).streamHeader()]],
    ['a picture of a gigapixel', [fileId, writer.mainHeader(), video(40_000, 40_000).streamHeader()]],
    [
      'a time base of nothing',
      [fileId, new NutWriter({ ...plain, timeBases: [{ numerator: 0, denominator: 1 }] }).mainHeader()],
    ],
    [
      'a time base that is not there',
      [fileId, writer.mainHeader(), new NutWriter({ ...plain, timeBaseIndex: 1 }).streamHeader()],
    ],
    [
      'later headers that take the time bases away',
      [...headers, new NutWriter({ ...plain, timeBases: [] }).mainHeader()],
    ],
    ['an unused frame code', [...headers, new Uint8Array([2])]],
    ['a header of a gigabyte', [fileId, Buffer.from('4e4d7a561f5f04ad', 'hex'), Buffer.from(unsigned(2 ** 30))]],
    ['a number without an end', [...headers, new Uint8Array(20).fill(255).fill(1, 0, 1)]],
    ['a header that lies about its contents', [fileId, packet('main', [3, 1, 0, 1])]],
    ['side data', [...headers, new Uint8Array([1, ...unsigned(FLAG.sideData)]), new Uint8Array([0, 0])]],
  ])('refuses %s', (_, parts) => {
    const bytes = Buffer.concat(parts);
    for (const cuts of [[], Array.from({ length: bytes.length }, (__, index) => index / bytes.length)]) {
      const { splitter, pictures } = collect();
      const error = errorOf(() => pushCut(splitter, bytes, cuts));
      expect(error).toBeInstanceOf(SidepipeError);
      expect(error).toMatchObject({ code: 'frame-invalid', fault: 'node' });
      expect(pictures).toEqual([]);
    }
  });

  it('takes no more after a fault', () => {
    const { splitter, pictures } = collect();
    const broken = Buffer.concat([...headers, new Uint8Array([2])]);
    expect(() => splitter.push(broken)).toThrow('unused frame code');
    for (const part of [...headers, writer.frame(picture(1))]) {
      expect(() => splitter.push(part)).toThrow('unused frame code');
    }
    expect(pictures).toEqual([]);
  });
});

/** What ffmpeg itself says of the frames that it writes: their times and MD5 sums, for the same input in the same run. */
async function framesOf({ path, options }: TestedFfmpeg, filter: string, rate: string) {
  const timing = options.hasFpsMode ? ['-fps_mode', 'passthrough'] : ['-vsync', 'passthrough'];
  const output = ['-map', '0:v', '-vf', `${filter},format=rgb24`, ...timing, '-c:v', 'rawvideo'];
  const nut = ['-f', 'nut', '-write_index', '0', '-flush_packets', '1', 'pipe:1'];
  const ran = await makeWithFfmpeg(path, [
    ...['-f', 'lavfi', '-i', `testsrc2=size=66x38:rate=${rate}:duration=2`],
    ...[...output, ...nut, ...output, '-f', 'framehash', '-hash', 'md5', 'pipe:3'],
  ]);
  const text = ran.side.toString();
  const [, numerator, denominator] = /#tb 0: (\d+)\/(\d+)/.exec(text)!;
  const frames = text
    .split('\n')
    .filter((line) => /^0,/.test(line))
    .map((line) => line.split(',').map((field) => field.trim()))
    .map((fields) => ({ ptsSeconds: (Number(fields[2]) * Number(numerator)) / Number(denominator), md5: fields[5]! }));
  return { bytes: ran.stdout, frames };
}

describe.each(ffmpegs)('NutSplitter on what $name ffmpeg writes', (ffmpeg) => {
  it.each([
    ['25 frames a second', 'null', '25'],
    ['30000/1001 frames a second', 'null', '30000/1001'],
    ['a variable rate', "select='not(mod(n,3))+not(mod(n,5))'", '25'],
    ['a start that is not zero', 'setpts=PTS+3.7/TB', '25'],
    ['times beyond 33 bits of 90 kHz', 'settb=1/90000,setpts=PTS+100000/TB', '30000/1001'],
    ['dates in microseconds', 'settb=1/1000000,setpts=PTS+1790000000/TB', '10'],
    ['a jump of hours', "setpts='PTS+gt(N,20)*40000/TB'", '25'],
  ])('agrees with ffmpeg on %s', async (_, filter, rate) => {
    const { bytes, frames } = await framesOf(ffmpeg, filter, rate);
    expect(frames.length).toBeGreaterThan(15);
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 200 }), (cuts) => {
        const { splitter, pictures } = collect();
        pushCut(splitter, bytes, cuts);
        expect(pictures.map(({ data }) => createHash('md5').update(data).digest('hex'))).toEqual(
          frames.map(({ md5 }) => md5),
        );
        pictures.forEach(({ ptsSeconds, width, height }, index) => {
          expect(ptsSeconds).toBeCloseTo(frames[index]!.ptsSeconds, 5);
          expect([width, height]).toEqual([66, 38]);
        });
      }),
      { numRuns: 20 },
    );
  });
});
