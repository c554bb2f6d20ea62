import { expect, it } from 'vitest';
import type { Subscription } from '../../src/events/topic.js';
import { startNode } from '../support/node.js';

const short = { hls: { segmentSeconds: 0.5 }, thumbnail: { intervalSeconds: 0.5, width: 160 } };

async function take<T>(series: Subscription<T>, count: number): Promise<T[]> {
  const items: T[] = [];
  for await (const item of series) {
    items.push(item);
    if (items.length === count) break;
  }
  return items;
}

it('gives an embedding program what a stream does, each reader on its own', async () => {
  const { node, bytes } = await startNode({ streams: [{ name: 'cam', source: 'test', ...short }] });
  const stream = node.stream('cam');
  const { series } = stream;
  const unread = series.frames({ limit: 1 });
  const states = series.states();
  const [frames, thumbnails, segments] = await Promise.all([
    take(series.frames(), 3),
    take(stream.thumbnails(), 3),
    take(stream.segments(), 3),
  ]);
  for (const { data, width, height } of frames) expect(data.byteLength).toBe(width * height * 3);
  expect(new Set(frames.map(({ data }) => data.buffer)).size).toBe(3);
  expect(frames.map(({ sequence }) => sequence - frames[0]!.sequence)).toEqual([0, 1, 2]);
  for (const { body, contentType } of thumbnails) {
    expect(contentType).toBe('image/jpeg');
    expect([...body.subarray(0, 2)]).toEqual([0xff, 0xd8]);
  }
  expect(segments.map(({ mediaSequence }) => mediaSequence - segments[0]!.mediaSequence)).toEqual([0, 1, 2]);
  const { rendition, file, body } = segments.at(-1)!;
  expect(Buffer.from(body).equals((await bytes(`/live/cam/${rendition}/${file}`)).body)).toBe(true);
  expect(unread.dropped).toBeGreaterThan(0);
  expect(await node.streams.restart('cam')).toBe(true);

  await node.close();
  expect((await take(states, 10)).map(({ state }) => state)).toEqual(expect.arrayContaining(['live', 'idle']));
  // What was not read is still there, then the series is over.
  expect((await take(unread, 10)).length).toBe(1);
});
