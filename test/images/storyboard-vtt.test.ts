import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type StoryboardTile, storyboardVtt, type TimelineSpan } from '../../src/images/storyboard-vtt.js';

const start = 1_700_000_000_000;
const urlOf = (sheet: number) => `storyboard-${sheet}.jpg`;
const tile = (seconds: number, x = 0): StoryboardTile => {
  return { sheet: 0, x, y: 0, width: 160, height: 90, capturedAt: start + seconds * 1000 };
};
const span = (
  atSeconds: number,
  mediaSeconds: number,
  durationSeconds: number,
  discontinuity = false,
): TimelineSpan => {
  const startsAt = start + atSeconds * 1000;
  return { startsAt, programDateTime: startsAt, mediaSeconds, durationSeconds, discontinuity };
};

describe('storyboardVtt', () => {
  it('is a valid empty file without pictures', () => {
    expect(storyboardVtt({ tiles: [], timeline: [], urlOf })).toBe('WEBVTT\n');
  });

  it('gives every picture the time up to the next', () => {
    const timeline = [span(0, 0, 2), span(2, 2, 2), span(4, 4, 2)];
    expect(storyboardVtt({ tiles: [tile(1, 0), tile(3.5, 160)], timeline, urlOf })).toBe(
      [
        'WEBVTT',
        '',
        '2023-11-14T22:13:21.000Z',
        '00:00:00.000 --> 00:00:03.500',
        'storyboard-0.jpg#xywh=0,0,160,90',
        '',
        '2023-11-14T22:13:23.500Z',
        '00:00:03.500 --> 00:00:06.000',
        'storyboard-0.jpg#xywh=160,0,160,90',
        '',
      ].join('\n'),
    );
  });

  it('follows the clock, not the media time, over a discontinuity, and shows nothing across it', () => {
    // ffmpeg was away from second 4 to 30; pictures went on.
    const timeline = [span(0, 0, 4), span(30, 4, 4, true)];
    const cues = cuesOf(storyboardVtt({ tiles: [tile(1, 0), tile(10, 160), tile(32, 320)], timeline, urlOf }));
    expect(cues).toEqual([
      ['00:00:00.000', '00:00:04.000', '0'],
      ['00:00:04.000', '00:00:08.000', '320'],
    ]);
  });

  it('leaves a piece empty that has no picture of its own', () => {
    const timeline = [span(0, 0, 4), span(4, 4, 4, true)];
    expect(cuesOf(storyboardVtt({ tiles: [tile(1)], timeline, urlOf }))).toEqual([
      ['00:00:00.000', '00:00:04.000', '0'],
    ]);
  });

  it('goes beyond an hour', () => {
    const cues = cuesOf(storyboardVtt({ tiles: [tile(7322)], timeline: [span(7320, 7320, 4)], urlOf }));
    expect(cues).toEqual([['02:02:00.000', '02:02:04.000', '0']]);
  });

  it('makes cues that follow one another within the timeline, whatever comes', () => {
    const tiles = fc.array(fc.integer({ min: -5000, max: 60_000 }).map((ms) => tile(ms / 1000)));
    const spans = fc.array(
      fc.tuple(fc.integer({ min: 100, max: 4000 }), fc.integer({ min: 0, max: 5000 }), fc.boolean()),
    );
    fc.assert(
      fc.property(tiles, spans, (some, parts) => {
        let atMs = 0;
        let mediaMs = 0;
        const timeline = parts.map(([durationMs, gapMs, discontinuity]) => {
          if (discontinuity) atMs += gapMs;
          const made = span(atMs / 1000, mediaMs / 1000, durationMs / 1000, discontinuity);
          atMs += durationMs;
          mediaMs += durationMs;
          return made;
        });
        let last = 0;
        for (const [from = '', to = ''] of cuesOf(storyboardVtt({ tiles: some, timeline, urlOf }))) {
          expect(secondsOf(from)).toBeGreaterThanOrEqual(last);
          expect(secondsOf(to)).toBeGreaterThan(secondsOf(from));
          last = secondsOf(to);
        }
        expect(last).toBeLessThanOrEqual(mediaMs / 1000 + 0.001);
      }),
      { numRuns: 1000 },
    );
  });
});

/** From, to and x of every cue. */
function cuesOf(vtt: string): string[][] {
  return [...vtt.matchAll(/^(\S+) --> (\S+)\n.*#xywh=(\d+)/gm)].map(([, from = '', to = '', x = '']) => [from, to, x]);
}

function secondsOf(time: string): number {
  const [hours = 0, minutes = 0, seconds = 0] = time.split(':').map(Number);
  return hours * 3600 + minutes * 60 + seconds;
}
