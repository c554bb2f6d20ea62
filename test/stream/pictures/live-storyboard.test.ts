import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/parse.js';
import type { TimelineSpan } from '../../../src/images/storyboard-vtt.js';
import { LiveStoryboard, sheetsOf } from '../../../src/stream/pictures/live-storyboard.js';
import { halves } from '../../images/pictures.js';

const start = Date.UTC(2027, 0, 1);
const first = (start - Date.UTC(2026, 0, 1)) / 1000;

describe('LiveStoryboard', () => {
  it('collects from the first question on, no more often than told', async () => {
    const { board, add, at } = setUp();
    await add(0);
    expect(at(0).index().body).toBe('WEBVTT\n');
    const added: boolean[] = [];
    for (const second of [1, 3, 5.9, 8, 11]) added.push(await add(second));
    expect(added).toEqual([true, false, true, false, true]);
    const { body, etag } = board.index();
    expect(cues(body)).toEqual([
      `00:00:00.000 00:00:05.900 storyboard-${first}.jpg?v=3 0`,
      `00:00:05.900 00:00:11.000 storyboard-${first}.jpg?v=3 64`,
      `00:00:11.000 00:00:12.000 storyboard-${first}.jpg?v=3 0`,
    ]);
    expect(board.index()).toMatchObject({ etag, modifiedAt: start + 11_000 });
  });

  it('gives a growing sheet another address each time, and a full one its own for good', async () => {
    const { board, add, spans } = setUp({ always: true });
    spans.push(span(12, 12, 12));
    for (const second of [0, 5, 10]) await add(second);
    const growing = await board.sheet(first);
    expect(growing).toMatchObject({ complete: false, contentType: 'image/jpeg' });
    await add(15);
    const full = await board.sheet(first);
    expect(full?.complete).toBe(true);
    expect(await sharp(full?.body).metadata()).toMatchObject({ width: 128, height: 72 });
    await add(20);
    expect(board.index().body).not.toContain(`storyboard-${first}.jpg?v`);
    expect(board.index().body).toContain(`storyboard-${first + 1}.jpg?v=1#`);
    expect(await board.sheet(first)).toBe(full);
    expect(await board.sheet(first + 2)).toBeUndefined();
  });

  it('follows the window, over discontinuities too', async () => {
    const { board, add, at, spans } = setUp({ always: true });
    for (let second = 0; second < 40; second += 5) await add(second);
    // The source was away from second 12 to 30; the window is what came before and after.
    spans.splice(0, spans.length, span(8, 0, 4), span(30, 4, 6, true));
    expect(cues(board.index().body).map((cue) => cue.split(' ').slice(0, 2).join(' '))).toEqual([
      '00:00:00.000 00:00:04.000',
      '00:00:04.000 00:00:09.000',
      '00:00:09.000 00:00:10.000',
    ]);
    spans.splice(0, spans.length, span(30, 0, 6));
    at(40).expire();
    expect(await board.sheet(first)).toBeUndefined();
    expect(await board.sheet(first + 1)).toBeDefined();
  });

  it('finds the place of each picture after the system clock was set, and names it by its date in the playlist', async () => {
    const { board, add, spans } = setUp();
    const offsetMs = -3_600_000;
    spans.splice(1, 1, span(6, 6, 6, true, offsetMs));
    board.index();
    await add(1);
    await add(7);
    board.expire();
    const { body } = board.index();
    expect(cues(body).map((cue) => cue.slice(0, 25))).toEqual([
      '00:00:00.000 00:00:06.000',
      '00:00:06.000 00:00:12.000',
    ]);
    const ids = [...body.matchAll(/^(20\S+Z)$/gm)].map(([id]) => Date.parse(id) - start);
    expect(ids).toEqual([1000, 7000 + offsetMs]);
  });

  it('lets go when nobody has asked for ten minutes, and never uses a number twice', async () => {
    const { board, add, at } = setUp();
    board.index();
    await add(0);
    at(599).expire();
    expect(await board.sheet(first)).toBeDefined();
    at(601).expire();
    expect(await board.sheet(first)).toBeUndefined();
    board.index();
    await add(602);
    expect(await board.sheet(first + 1)).toBeDefined();
  });

  it('hands on full sheets with their pictures, the last one when it is told that no more come', async () => {
    const { board, add, full } = setUp({ always: true });
    for (let second = 0; second < 30; second += 5) await add(second);
    await board.finish();
    await board.finish();
    expect(full.map(({ number, tiles }) => [number, tiles.length])).toEqual([
      [first, 4],
      [first + 1, 2],
    ]);
  });
});

describe('sheetsOf', () => {
  it.each([
    [{}, {}, 3],
    [{ windowSegments: 100, segmentSeconds: 30 }, {}, 26],
    [{}, { columns: 1, rows: 1, intervalSeconds: 1 }, 62],
    [{ windowSegments: 100 }, { columns: 1, rows: 1, intervalSeconds: 1 }, 100],
  ])('holds the window %o in sheets %o', (hls, storyboard, count) => {
    const config = parseConfig({ streams: [{ name: 'x', source: 'test', hls, storyboard }] }).streams[0]!;
    expect(sheetsOf(config)).toBe(count);
  });
});

/** `offsetMs`: how far the system clock is ahead of steady time then. */
function span(
  atSeconds: number,
  mediaSeconds: number,
  durationSeconds: number,
  discontinuity = false,
  offsetMs = 0,
): TimelineSpan {
  const startsAt = start + atSeconds * 1000;
  return { startsAt, programDateTime: startsAt + offsetMs, mediaSeconds, durationSeconds, discontinuity };
}

const cues = (text: string) =>
  [...text.matchAll(/^([\d:.]+) --> ([\d:.]+)\n(\S+)#xywh=(\d+)/gm)].map((match) => match.slice(1).join(' '));

function setUp({ always = false } = {}) {
  const clock = { now: start };
  const spans: TimelineSpan[] = [span(0, 0, 6), span(6, 6, 6)];
  const full: { number: number; tiles: readonly unknown[] }[] = [];
  const storyboard = { width: 64, columns: 2, rows: 2, intervalSeconds: 5 };
  const board = new LiveStoryboard({
    config: parseConfig({ streams: [{ name: 'x', source: 'test', storyboard }] }).streams[0]!,
    always,
    now: () => clock.now,
    timeline: () => spans,
    onError: (error) => {
      throw error;
    },
    onFull: (sheet) => full.push(sheet),
  });
  const add = (second: number) => {
    clock.now = start + second * 1000;
    return board.add(halves([second % 256, 90, 0], [0, 9, 200], { capturedAt: clock.now }));
  };
  const at = (second: number) => {
    clock.now = start + second * 1000;
    return board;
  };
  return { board, add, at, spans, full };
}
