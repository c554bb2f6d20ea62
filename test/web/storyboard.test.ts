import { describe, expect, it } from 'vitest';
import { storyboardVtt } from '../../src/images/storyboard-vtt.js';
import { parseStoryboard, pictureAt, placeInWords } from '../../src/web/client/player/storyboard.js';

const start = Date.UTC(2027, 0, 1);
const base = 'https://example.org/live/cam/storyboard.vtt';

describe('parseStoryboard', () => {
  it('reads what the node writes', () => {
    const tile = (second: number, x: number) => {
      return { sheet: 7, x, y: 90, width: 160, height: 90, capturedAt: start + second * 1000 };
    };
    const text = storyboardVtt({
      tiles: [tile(4, 160), tile(1, 0)],
      timeline: [
        { startsAt: start, programDateTime: start, mediaSeconds: 0, durationSeconds: 6, discontinuity: false },
      ],
      urlOf: (sheet) => `storyboard-${sheet}.jpg?v=2`,
    });
    const url = 'https://example.org/live/cam/storyboard-7.jpg?v=2';
    expect(parseStoryboard(text, base)).toEqual([
      { at: start + 1000, url, x: 0, y: 90, width: 160, height: 90 },
      { at: start + 4000, url, x: 160, y: 90, width: 160, height: 90 },
    ]);
  });

  it.each([
    '',
    'WEBVTT\n',
    'WEBVTT\n\n00:00 --> 00:01\nno date.jpg',
    '<html>',
    '2027-01-01T00:00:00.000Z\n-->\nx#xywh=1,2,3',
  ])('finds nothing in %j', (text) => {
    expect(parseStoryboard(text, base)).toEqual([]);
  });
});

describe('pictureAt', () => {
  const pictures = [10, 20, 30].map((second) => {
    return { at: start + second * 1000, url: '', x: second, y: 0, width: 1, height: 1 };
  });
  it.each([
    [9, 10],
    [10, 10],
    [29.9, 20],
    [30, 30],
    [89, 30],
    [91, undefined],
    [-51, undefined],
  ])('at %d s is the one of %s s', (second, found) => {
    expect(pictureAt(pictures, start + second * 1000)?.x).toBe(found);
  });

  it('is none where there are none', () => {
    expect(pictureAt([], start)).toBeUndefined();
  });
});

describe('placeInWords', () => {
  it.each([
    [0, 'live'],
    [1.4, 'live'],
    [12.2, '12 s ago'],
    [120, '2 min ago'],
    [125, '2 min 5 s ago'],
  ])('%d is %s', (seconds, words) => expect(placeInWords(seconds)).toBe(words));
});
