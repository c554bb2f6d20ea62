import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/parse.js';
import type { StreamConfig } from '../../../src/config/schema/schema.js';
import { SourceClock } from '../../../src/frames/clock.js';
import { parseMediaPlaylist } from '../../../src/hls/parse.js';
import type { MediaPart } from '../../../src/hls/segmenter.js';
import { firstNumbers, HlsOutput, type ListedSegment } from '../../../src/stream/hls/hls-output.js';
import { embedded, makeDirectory, makeWithFfmpeg } from '../../support/ffmpeg.js';
import { until } from '../../support/wait.js';

const START = Date.UTC(2027, 2, 3);

function configOf(hls: Partial<StreamConfig['hls']> = {}): StreamConfig {
  return parseConfig({ streams: [{ name: 'door', source: 'test', hls }] }).streams[0]!;
}

/** An output with a clock of its own, and all that it told. */
function makeOutput({ hls = {}, now = START }: { hls?: Partial<StreamConfig['hls']>; now?: number } = {}) {
  const listed: ListedSegment[] = [];
  const failures: unknown[] = [];
  /** Steady time, and how far the system's clock is ahead of it. */
  const time = { now, offsetMs: 0 };
  let described = 0;
  let ids = 0;
  const output = new HlsOutput({
    config: configOf(hls),
    randomId: () => (ids++).toString(16).padStart(8, '0'),
    now: () => time.now,
    dateOf: (at) => at + time.offsetMs,
    onListed: (segment) => listed.push(segment),
    onDescribed: () => {
      described += 1;
    },
    log: { warn: (fields) => failures.push(fields) },
  });
  /** Adds a whole segment. */
  const add = (name: string, segment: MediaPart, clock: SourceClock) => {
    output.add(name, segment, clock);
    output.closeSegments();
  };
  return { output, add, listed, failures, time, described: () => described };
}

/** A segment of one part, which starts where segments of this length before it end. */
function segmentOf(sequence: number, more: Partial<MediaPart> = {}): MediaPart {
  const { durationSeconds = 2 } = more;
  const { startSeconds = sequence * durationSeconds } = more;
  return {
    sequence,
    bytes: new Uint8Array(188).fill(sequence),
    completedAtMs: START + (startSeconds + durationSeconds) * 1000,
    durationSeconds,
    startSeconds,
    partTargetSeconds: durationSeconds,
    frames: 50,
    units: [],
    keyframeSeconds: [startSeconds],
    isIndependent: true,
    startsSegment: true,
    endsSegment: false,
    isDiscontinuity: false,
    hasAudio: true,
    init: undefined,
    ...more,
  };
}

/** A clock by which the stream's 0 was at that time. */
function clockAt(origin: number): SourceClock {
  const clock = new SourceClock();
  clock.observe(0, origin);
  return clock;
}

const durations = fc.array(fc.double({ min: 0.5, max: 6, noNaN: true }), { minLength: 1, maxLength: 30 });
const datesOf = (listed: readonly ListedSegment[]) => listed.map(({ entry }) => entry.programDateTime);

describe('the dates of HlsOutput', () => {
  it("begin with the source's clock and follow the durations, however the clock trembles", () => {
    fc.assert(
      fc.property(
        durations,
        fc.array(fc.integer({ min: -240, max: 240 }), { minLength: 30, maxLength: 30 }),
        (each, tremble) => {
          const { output, add, listed } = makeOutput();
          output.begin();
          let startSeconds = 0;
          each.forEach((durationSeconds, sequence) => {
            add(
              'source',
              segmentOf(sequence, { durationSeconds, startSeconds }),
              clockAt(START + (sequence === 0 ? 0 : tremble[sequence]!)),
            );
            startSeconds += durationSeconds;
          });
          let expected = START;
          datesOf(listed).forEach((date, index) => {
            // Each is told in whole milliseconds.
            expect(Math.abs(date - expected)).toBeLessThanOrEqual(index + 1);
            expected += each[index]! * 1000;
          });
        },
      ),
    );
  });

  it('are those of the end and the length of a segment where there is no clock yet', () => {
    const { output, add, listed } = makeOutput();
    output.begin();
    add('source', segmentOf(0, { completedAtMs: START + 2000 }), new SourceClock());
    expect(datesOf(listed)).toEqual([START]);
  });

  it('are told anew after a discontinuity, and when the clock is far ahead', () => {
    const { output, add, listed } = makeOutput();
    output.begin();
    add('source', segmentOf(0), clockAt(START));
    add('source', segmentOf(1, { isDiscontinuity: true }), clockAt(START - 300));
    add('source', segmentOf(2), clockAt(START + 5000));
    // Not before the end of the segment before, though the clock says so.
    expect(datesOf(listed)).toEqual([START, START + 2000, START + 9000]);
  });

  it('are those of the arrival behind a jump forward that the clock has not followed yet', () => {
    const { output, add, listed } = makeOutput();
    output.begin();
    const at = (completedAtMs: number) => ({ durationSeconds: 2, completedAtMs });
    add('source', segmentOf(0, at(START + 2000)), clockAt(START));
    const jumped = { ...at(START + 4010), startSeconds: 8, isDiscontinuity: true };
    add('source', segmentOf(1, jumped), clockAt(START));
    expect(datesOf(listed)).toEqual([START, START + 2010]);
  });

  it('come back in small steps when the clock is far behind, so that they hardly overlap', () => {
    const { output, add, listed } = makeOutput();
    output.begin();
    for (let sequence = 0; sequence < 200; sequence++)
      add('source', segmentOf(sequence), clockAt(START - (sequence && 2000)));
    const dates = datesOf(listed);
    for (const [index, date] of dates.entries()) {
      if (index > 0) expect(date - dates[index - 1]!).toBeGreaterThanOrEqual(1980);
    }
    expect(Math.abs(dates.at(-1)! - (START - 2000 + 199 * 2000))).toBeLessThan(520);
  });

  it('count the time of segments that were lost, at the beginning too', () => {
    const { output, add, listed } = makeOutput();
    output.begin();
    for (const sequence of [1, 2, 5, 6, 9]) {
      add('source', segmentOf(sequence, { isDiscontinuity: sequence === 5 || sequence === 9 }), clockAt(START));
    }
    expect(datesOf(listed)).toEqual([2000, 4000, 10_000, 12_000, 18_000].map((ms) => START + ms));
  });

  it("begin anew with each run's own clock", () => {
    const { output, add, listed } = makeOutput();
    for (const origin of [START, START + 60_000, START + 30_000]) {
      output.begin();
      add('source', segmentOf(0), clockAt(origin));
      add('source', segmentOf(1), clockAt(origin));
    }
    expect(datesOf(listed)).toEqual([0, 2000, 60_000, 62_000, 30_000, 32_000].map((ms) => START + ms));
    expect(listed.map(({ entry }) => entry.discontinuity)).toEqual([false, false, true, false, true, false]);
  });
});

describe('the numbers of HlsOutput', () => {
  const runs = fc.array(fc.array(fc.boolean(), { minLength: 0, maxLength: 12 }), { minLength: 1, maxLength: 8 });

  it('are the same in a playlist that begins with a segment as were told when it was listed', () => {
    fc.assert(
      fc.property(runs, fc.integer({ min: 3, max: 6 }), (each, windowSegments) => {
        const { output, add, listed } = makeOutput({ hls: { windowSegments } });
        for (const discontinuities of each) {
          output.begin();
          discontinuities.forEach((discontinuity, sequence) => {
            add('source', segmentOf(sequence, { isDiscontinuity: discontinuity && sequence > 0 }), clockAt(START));
            const { mediaSequence, discontinuitySequence, segments } = output.counters();
            const first = listed.at(-segments)!;
            expect([mediaSequence, discontinuitySequence]).toEqual([first.mediaSequence, first.discontinuitySequence]);
          });
        }
        listed.forEach(({ mediaSequence, file }, index) => {
          expect(mediaSequence).toBe(listed[0]!.mediaSequence + index);
          expect(listed.findIndex((other) => other.file === file)).toBe(index);
        });
      }),
    );
  });

  it('grow over restarts of the node, for the shortest segments, and for runs of five seconds', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(0.5, 1, 2.5),
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 0, max: 1e6 }),
        (seconds, count, pause) => {
          const before = makeOutput({ hls: { segmentSeconds: seconds } });
          const segmentsOfRun = 5 / seconds;
          for (let segment = 0; segment < count; segment++) {
            if (segment % segmentsOfRun === 0) before.output.begin();
            before.add('source', segmentOf(segment % segmentsOfRun, { durationSeconds: seconds }), clockAt(START));
          }
          const after = makeOutput({
            hls: { segmentSeconds: seconds },
            now: START + count * seconds * 1000 + 5000 + pause,
          });
          after.output.begin();
          after.add('source', segmentOf(0), clockAt(START));
          expect(after.listed[0]!.mediaSequence).toBeGreaterThan(before.listed.at(-1)!.mediaSequence);
          expect(after.listed[0]!.discontinuitySequence).toBeGreaterThan(before.listed.at(-1)!.discontinuitySequence);
          expect(Number.isSafeInteger(after.listed[0]!.mediaSequence)).toBe(true);
        },
      ),
    );
  });

  it('are whole and not negative when the clock is before their beginning', () => {
    expect(makeOutput({ now: 0 }).output.counters().mediaSequence).toBe(0);
  });
});

describe('what HlsOutput serves', () => {
  let directory: Awaited<ReturnType<typeof makeDirectory>>;
  const media: Record<'small' | 'large' | 'other', Uint8Array> = {
    small: new Uint8Array(),
    large: new Uint8Array(),
    other: new Uint8Array(),
  };
  beforeAll(async () => {
    directory = await makeDirectory();
    const make = async (name: string, size: string) => {
      const path = join(directory.path, name);
      const source = ['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=25:duration=2`];
      const codec = ['-c:v', 'libx264', '-pix_fmt', 'yuv420p'];
      await makeWithFfmpeg(embedded.path, [...source, ...codec, '-preset', 'ultrafast', '-g', '50', path]);
      return readFile(path);
    };
    media.small = await make('small.ts', '320x180');
    // The same encoding and many null packets.
    const padding = Buffer.alloc(188 * 1000, 0xff);
    for (let at = 0; at < padding.length; at += 188) padding.set([0x47, 0x1f, 0xff, 0x10], at);
    media.large = Buffer.concat([media.small, padding]);
    media.other = await make('other.ts', '160x90');
  });
  afterAll(() => directory.remove());

  it('describes the stream once, and again only when a peak is higher or the picture is another', async () => {
    const { output, add, described, failures } = makeOutput();
    output.begin();
    expect(output.multivariant()).toBeUndefined();
    add('source', segmentOf(0, { bytes: media.small }), clockAt(START));
    await until('the first description', () => described() === 1);
    const text = () => output.multivariant()!.body;
    const bandwidth = () => Number(/[:,]BANDWIDTH=(\d+)/.exec(text())![1]);
    expect(text()).toContain('RESOLUTION=320x180');
    expect(text()).toMatch(/CODECS="avc1\.[0-9a-fA-F]{6}"/);
    expect(text()).toMatch(/FRAME-RATE=25(\.0+)?\b/);
    expect(text()).toContain('source/index.m3u8');
    const small = bandwidth();
    const { etag } = output.multivariant()!;
    for (let sequence = 1; sequence < 40; sequence++)
      add('source', segmentOf(sequence, { bytes: media.small }), clockAt(START));
    expect([described(), output.multivariant()!.etag]).toEqual([1, etag]);
    add('source', segmentOf(40, { bytes: media.large }), clockAt(START));
    expect(bandwidth()).toBeGreaterThan(small * 1.5);
    expect(output.multivariant()!.etag).not.toBe(etag);
    expect(text()).toContain('#EXT-X-INDEPENDENT-SEGMENTS');
    add('source', segmentOf(41, { bytes: media.small, isIndependent: false }), clockAt(START));
    expect(text()).not.toContain('#EXT-X-INDEPENDENT-SEGMENTS');
    const large = bandwidth();
    for (let sequence = 42; sequence < 80; sequence++) {
      add('source', segmentOf(sequence, { bytes: media.small }), clockAt(START));
      expect(bandwidth()).toBe(large);
    }
    output.begin();
    add('source', segmentOf(0, { bytes: media.other }), clockAt(START));
    await until('the other picture', () => text().includes('RESOLUTION=160x90'));
    expect(failures).toEqual([]);
  });

  it('begins a discontinuity where the encoding changes within a run', () => {
    const { output, add, listed } = makeOutput();
    output.begin();
    for (const [sequence, body] of [media.small, media.large, media.other, media.other].entries()) {
      add('source', segmentOf(sequence, { bytes: body }), clockAt(START));
    }
    expect(listed.map(({ entry }) => entry.discontinuity)).toEqual([false, false, true, false]);
  });

  it('dates by a clock that is set behind a discontinuity, and leaves what is listed as it is', () => {
    const { output, add, time } = makeOutput({ hls: { windowSegments: 20 } });
    output.begin();
    const clock = new SourceClock();
    clock.observe(0, START);
    const hour = 3_600_000;
    for (const [sequence, offsetMs] of [0, 0, hour, hour, -hour, -hour].entries()) {
      time.offsetMs = offsetMs;
      add('source', segmentOf(sequence), clock);
    }
    const { entries } = parseMediaPlaylist(output.playlist('source')!.body)!;
    expect(entries.map(({ programDateTime, discontinuity }) => [programDateTime! - START, discontinuity])).toEqual([
      [0, false],
      [2000, false],
      [4000 + hour, true],
      [6000 + hour, false],
      [8000 - hour, true],
      [10_000 - hour, false],
    ]);
    // Storyboards find their place by steady time.
    expect(output.timeline().map(({ startsAt }) => startsAt - START)).toEqual([0, 2000, 4000, 6000, 8000, 10_000]);
  });

  it('serves every listed segment, says that it ended, and knows no other rendition', () => {
    const { output, add, listed, time } = makeOutput();
    expect(output.playlist('source')).toBeUndefined();
    output.begin();
    for (let sequence = 0; sequence < 20; sequence++) {
      time.now += 2000;
      add('source', segmentOf(sequence), clockAt(START));
      output.expire();
      const uris = output
        .playlist('source')!
        .body.split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'));
      expect(uris.at(-1)).toBe(listed.at(-1)!.file);
      for (const uri of uris) expect(output.segment('source', uri)?.contentType).toBe('video/mp2t');
    }
    expect(output.playlist('source')!.body).not.toContain('ENDLIST');
    expect(output.segment('source', listed[0]!.file)).toBeUndefined();
    expect([output.playlist('other'), output.segment('other', listed.at(-1)!.file)]).toEqual([undefined, undefined]);
    output.end();
    expect(output.playlist('source')!.body).toMatch(/#EXT-X-ENDLIST\s*$/);
  });

  it('tells of a segment that cannot be read, and goes on listing', async () => {
    const { output, add, listed, failures } = makeOutput();
    output.begin();
    add('source', segmentOf(0), clockAt(START));
    await until('the failure', () => failures.length === 1);
    add('source', segmentOf(1, { bytes: media.small }), clockAt(START));
    await until('the description', () => output.multivariant() !== undefined);
    expect(listed).toHaveLength(2);
  });
});

describe('the first numbers', () => {
  const start = Date.UTC(2026, 10, 22);

  it('are beyond those of an earlier start, for any camera that is interrupted less than every fifth second', () => {
    const [before, after] = [firstNumbers(start), firstNumbers(start + 3_600_000)];
    expect(after.mediaSequence - before.mediaSequence).toBe(4 * 3600);
    expect(after.discontinuitySequence - before.discontinuitySequence).toBe(3600 / 5);
  });

  it('leave players no arrays of millions', () => {
    for (let day = 0; day < 2000; day += 1)
      expect(firstNumbers(start + day * 86_400_000).discontinuitySequence).toBeLessThan(500_000);
    expect(firstNumbers(0)).toEqual({ mediaSequence: 0, discontinuitySequence: 0 });
  });
});
