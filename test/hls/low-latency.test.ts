import fc from 'fast-check';
import { parse, type types } from 'hls-parser';
import { describe, expect, it } from 'vitest';
import { MediaWindow } from '../../src/hls/window.js';

type Parsed = types.MediaPlaylist;

const partTarget = 0.21;
const epoch = Date.UTC(2026, 4, 1);

/** A low-latency window with a clock that parts move on. */
function live(windowSegments = 6) {
  let nowMs = epoch;
  let sequence = 0;
  let session = '';
  const init = () => new TextEncoder().encode(`init of ${session}`);
  const window = new MediaWindow({
    windowSegments,
    segmentSeconds: 2,
    mediaSequence: 100,
    discontinuitySequence: 7,
    lowLatency: {
      partTargetSeconds: () => partTarget,
      reports: () => [{ uri: '../low/index.m3u8', lastMediaSequence: 105, lastPart: 3 }],
    },
  });
  return {
    window,
    begin(id: string) {
      session = id;
      sequence = 0;
      window.begin({ id, container: 'fmp4' });
    },
    open() {
      const start = { sessionId: session, sequence, programDateTime: nowMs, init: init() };
      sequence += 1;
      window.openSegment(start, nowMs);
    },
    part(durationSeconds = 0.2, bytes = 100, isIndependent = false) {
      nowMs += durationSeconds * 1000;
      return window.addPart({ body: new Uint8Array(bytes).fill(bytes), durationSeconds, isIndependent }, nowMs);
    },
    close: () => window.closeSegment(nowMs),
    end: () => window.end(nowMs),
    text: () => window.rendered()!.body,
    parsed: () => parse(window.rendered()!.body) as Parsed,
  };
}

describe('a low-latency window', () => {
  it('lists each part as it comes, and announces the next one', () => {
    const { begin, open, part, close, window, text, parsed } = live();
    begin('aaaaaaaa');
    open();
    const whole = part(0.2, 100, true);
    // Players without low latency begin with a whole segment.
    expect(window.rendered()).toBeUndefined();
    close();
    open();
    const first = part(0.2, 100, true);
    expect(text()).toBe(
      [
        '#EXTM3U',
        '#EXT-X-VERSION:6',
        '#EXT-X-INDEPENDENT-SEGMENTS',
        '#EXT-X-TARGETDURATION:2',
        '#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.840,CAN-SKIP-UNTIL=12.0',
        '#EXT-X-PART-INF:PART-TARGET=0.210',
        '#EXT-X-MEDIA-SEQUENCE:100',
        '#EXT-X-DISCONTINUITY-SEQUENCE:7',
        '#EXT-X-MAP:URI="aaaaaaaa-init.mp4"',
        '#EXT-X-PROGRAM-DATE-TIME:2026-05-01T00:00:00.000Z',
        `#EXT-X-PART:DURATION=0.20000,URI="${whole}",INDEPENDENT=YES`,
        '#EXTINF:0.200000,',
        'aaaaaaaa-0.m4s',
        '#EXT-X-PROGRAM-DATE-TIME:2026-05-01T00:00:00.200Z',
        `#EXT-X-PART:DURATION=0.20000,URI="${first}",INDEPENDENT=YES`,
        '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="aaaaaaaa-p2.m4s"',
        '#EXT-X-RENDITION-REPORT:URI="../low/index.m3u8",LAST-MSN=105,LAST-PART=3',
        '',
      ].join('\n'),
    );
    expect(part()).toBe('aaaaaaaa-p2.m4s');
    expect(window.position()).toEqual({ mediaSequence: 101, parts: 2, previousParts: 1 });
    expect(parsed().renditionReports).toMatchObject([{ lastMSN: 105, lastPart: 3 }]);
  });

  it('makes a segment of its parts, which are views of its bytes', () => {
    const { begin, open, part, close, window } = live();
    begin('aaaaaaaa');
    open();
    const names = [1, 2, 3].map((bytes) => part(0.2, bytes));
    const segment = close()!;
    expect([...segment.body]).toEqual([1, 2, 2, 3, 3, 3]);
    expect(segment.durationSeconds).toBeCloseTo(0.6);
    const parts = names.map((name) => window.resource(name)!.body);
    expect(parts.map((body) => [...body])).toEqual([[1], [2, 2], [3, 3, 3]]);
    expect(parts.every(({ buffer }) => buffer === segment.body.buffer)).toBe(true);
    expect(window.counters().heldBytes).toBe(6 + 'init of aaaaaaaa'.length);
  });

  it.each([
    ['is a view of its parts, not a copy, where they are one behind the other in memory', 350, true],
    ['is a copy where it would hold on to much more memory than it has bytes', 1000, false],
  ])('a segment %s', (_, memoryBytes, isView) => {
    const { begin, open, window, close } = live();
    begin('aaaaaaaa');
    open();
    const memory = new Uint8Array(memoryBytes).map((_byte, index) => index);
    for (const offset of [10, 110, 210]) {
      const body = memory.subarray(offset, offset + 100);
      window.addPart({ body, durationSeconds: 0.2, isIndependent: offset === 10 }, epoch);
    }
    const { body } = close()!;
    expect(body).toEqual(memory.slice(10, 310));
    expect(body.buffer === memory.buffer).toBe(isView);
  });

  it('knows the next part before it is there, and says so for no other name', () => {
    const { begin, open, part, close, end, window } = live();
    begin('aaaaaaaa');
    open();
    part();
    close();
    // Whether it will be in this segment or in the next.
    expect(window.isNextPart('aaaaaaaa-p1.m4s')).toBe(true);
    expect(['aaaaaaaa-p0.m4s', 'aaaaaaaa-p2.m4s', 'bbbbbbbb-p1.m4s'].some((name) => window.isNextPart(name))).toBe(
      false,
    );
    end();
    expect(window.isNextPart('aaaaaaaa-p1.m4s')).toBe(false);
  });

  it('keeps the name that it announced over a restart of ffmpeg, so that who waits for that part gets it', () => {
    const { begin, open, part, close, window, text } = live();
    begin('aaaaaaaa');
    open();
    part();
    close();
    const { etag } = window.rendered()!;
    begin('bbbbbbbb');
    expect(window.rendered()!.etag).toBe(etag);
    expect(text()).toContain('#EXT-X-PRELOAD-HINT:TYPE=PART,URI="aaaaaaaa-p1.m4s"');
    open();
    expect(part()).toBe('aaaaaaaa-p1.m4s');
    expect(close()!.file).toBe('bbbbbbbb-0.m4s');
  });

  it('announces another name where the next session has another container', () => {
    const { begin, open, part, close, window, text } = live();
    begin('aaaaaaaa');
    open();
    part();
    close();
    window.begin({ id: 'bbbbbbbb', container: 'mpegts' });
    expect(text()).toContain('#EXT-X-PRELOAD-HINT:TYPE=PART,URI="bbbbbbbb-p0.ts"');
    expect(window.isNextPart('aaaaaaaa-p1.m4s')).toBe(false);
  });

  it('lists parts for three target durations at most', () => {
    const { begin, open, part, close, parsed } = live(20);
    begin('aaaaaaaa');
    for (let segment = 0; segment < 10; segment += 1) {
      open();
      for (let index = 0; index < 10; index += 1) part();
      close();
    }
    open();
    part();
    const listed = parsed().segments.map(({ parts }) => parts.filter(({ hint }) => !hint).length);
    // The third would begin further from the end.
    expect(listed).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 10, 10, 1]);
  });

  it('leaves out of a delta update what is beyond the skip boundary, and nothing else', () => {
    const { begin, open, part, close, window } = live(20);
    begin('aaaaaaaa');
    const files: string[] = [];
    for (let segment = 0; segment < 10; segment += 1) {
      open();
      for (let index = 0; index < 10; index += 1) part();
      files.push(close()!.file);
    }
    const delta = window.renderedDelta()!;
    expect(delta.body).toContain('#EXT-X-SKIP:SKIPPED-SEGMENTS=4\n');
    expect(delta.body).toContain('#EXT-X-VERSION:9\n');
    expect(files.map((file) => delta.body.includes(file))).toEqual(files.map((_, index) => index >= 4));
    expect(delta.etag).not.toBe(window.rendered()!.etag);
  });

  it('is plain HLS once it has ended', () => {
    const { begin, open, part, close, end, text } = live();
    begin('aaaaaaaa');
    open();
    part();
    close();
    open();
    part();
    end();
    expect(text()).toMatch(/#EXT-X-ENDLIST\n$/);
    expect(text()).not.toMatch(/EXT-X-(?:PART|PRELOAD|SERVER|RENDITION)/);
    // The part that was listed is in a segment, not lost.
    expect(text().match(/#EXTINF/g)).toHaveLength(2);
  });

  it('says of a playlist that it is independent only where each segment is', () => {
    const { window, begin, text } = live();
    begin('aaaaaaaa');
    const init = new Uint8Array(1);
    const segment = {
      sessionId: 'aaaaaaaa',
      body: new Uint8Array(1),
      durationSeconds: 2,
      programDateTime: epoch,
      init,
    };
    window.append({ ...segment, sequence: 0 }, epoch);
    expect(text()).toContain('#EXT-X-INDEPENDENT-SEGMENTS');
    expect(window.isIndependent).toBe(true);
    window.openSegment({ ...segment, sequence: 1, isIndependent: false }, epoch);
    window.addPart({ ...segment, isIndependent: false }, epoch);
    // The parts of the open segment are of it already.
    expect(text()).not.toContain('#EXT-X-INDEPENDENT-SEGMENTS');
    window.closeSegment(epoch);
    expect(text()).not.toContain('#EXT-X-INDEPENDENT-SEGMENTS');
    for (let sequence = 2; sequence < 12; sequence += 1) window.append({ ...segment, sequence }, epoch);
    expect(text()).toContain('#EXT-X-INDEPENDENT-SEGMENTS');
    // Those who read the multivariant playlist read it once.
    expect(window.isIndependent).toBe(false);
  });

  it('follows the RFC at every change: what a part said stays, numbers rise, all that is listed can be fetched', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('part', 'part', 'part', 'close', 'session'), { maxLength: 120 }),
        (steps) => {
          const stream = live(3);
          const known = new Map<string, string>();
          let before: Parsed | undefined;
          let isOpen = false;
          let sessions = 0;
          const session = () => {
            if (isOpen) stream.close();
            isOpen = false;
            sessions += 1;
            stream.begin(sessions.toString(16).padStart(8, '0'));
          };
          session();
          for (const step of steps) {
            if (step === 'session') session();
            if (step === 'close' && isOpen) {
              stream.close();
              isOpen = false;
            }
            if (step === 'part') {
              if (!isOpen) stream.open();
              isOpen = true;
              stream.part(0.2, 10, true);
            }
            if (stream.window.rendered() !== undefined) before = check(stream.window, stream.parsed(), before, known);
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});

/** Asserts one playlist against the one before; `known`: what was said of each number. */
function check(window: MediaWindow, playlist: Parsed, before: Parsed | undefined, known: Map<string, string>): Parsed {
  expect(playlist.mediaSequenceBase).toBeGreaterThanOrEqual(before?.mediaSequenceBase ?? 0);
  expect(playlist.discontinuitySequenceBase).toBeGreaterThanOrEqual(before?.discontinuitySequenceBase ?? 0);
  for (const { uri, mediaSequenceNumber, discontinuitySequence, parts, map, duration } of playlist.segments) {
    const listed = parts.filter(({ hint }) => !hint);
    listed.forEach((part, index) => {
      // A part's number never names another part, and its segment's number never another segment.
      const name = `${mediaSequenceNumber}.${index}`;
      expect(known.get(name) ?? part.uri).toBe(part.uri);
      known.set(name, part.uri);
      expect(part.duration).toBeLessThanOrEqual(playlist.partTargetDuration! + 1e-9);
      expect(window.resource(part.uri)).toBeDefined();
    });
    if (uri !== undefined && uri !== '') {
      expect(known.get(String(mediaSequenceNumber)) ?? uri).toBe(uri);
      known.set(String(mediaSequenceNumber), uri);
      expect(known.get(`d${mediaSequenceNumber}`) ?? String(discontinuitySequence)).toBe(String(discontinuitySequence));
      known.set(`d${mediaSequenceNumber}`, String(discontinuitySequence));
      expect(Math.round(duration)).toBeLessThanOrEqual(playlist.targetDuration);
      expect(window.resource(uri)).toBeDefined();
    }
    if (map) expect(window.resource(map.uri)).toBeDefined();
  }
  const hints = playlist.segments.flatMap(({ parts }) => parts.filter(({ hint }) => hint));
  for (const { uri } of hints) expect(window.isNextPart(uri)).toBe(true);
  return playlist;
}
