import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Feed, type FeedItem } from '../../src/events/feed.js';
import type { RecordedEvent, StreamStats } from '../../src/events/feed-schema.js';

const at = '2027-01-01T00:00:00.000Z';
const added = (stream: string): RecordedEvent => ({ type: 'stream', stream, at, change: 'added' });
const makeFeed = (more: object = {}) => new Feed({ run: 'r1', now: () => 0, ...more });
const names = (items: readonly FeedItem[] | undefined) =>
  items?.map(({ event }) => ('stream' in event ? event.stream : event.type));
const stats = (stream: string) => ({ stream }) as StreamStats;

describe('feed', () => {
  it('tells every reader what it asked for', async () => {
    const feed = makeFeed();
    const all = feed.read({})!;
    const one = feed.read({ stream: 'a', types: ['stream', 'stats'] })!;
    feed.publish(added('a'));
    feed.publish(added('b'));
    feed.publish({ type: 'gate', stream: 'a', at, state: 'black', rejected: 1 });
    feed.stats([stats('a'), stats('b')]);
    expect(names(await all.take(0))).toEqual(['a', 'b', 'a', 'stats']);
    const [change, figures] = (await one.take(0))!;
    expect(change).toEqual({ id: 'r1-1', event: added('a') });
    expect(figures).toMatchObject({ id: undefined, event: { streams: [{ stream: 'a' }] } });
    expect(await one.take(0)).toEqual([]);
  });

  it('leaves segments out unless they are asked for', async () => {
    const feed = makeFeed();
    const [usual, segments] = [feed.read({})!, feed.read({ types: ['segment'] })!];
    feed.publish({
      ...{ type: 'segment', stream: 'a', at, rendition: 'source', file: 'x.ts' },
      ...{ bytes: 1, durationSeconds: 2, mediaSequence: 3 },
    });
    expect([(await usual.take(0))?.length, (await segments.take(0))?.length]).toEqual([0, 1]);
  });

  it('shows a newcomer the newest figures at once', async () => {
    const feed = makeFeed();
    feed.stats([stats('a')]);
    expect(names(await feed.read({})!.take(0))).toEqual(['stats']);
  });

  it('gives who comes back what it missed, exactly, or says that it cannot', async () => {
    const few = fc.integer({ min: 1, max: 20 });
    await fc.assert(
      fc.asyncProperty(fc.nat(60), few, fc.nat(60), fc.boolean(), async (published, remembered, seen, other) => {
        const feed = makeFeed({ remembered });
        for (let number = 1; number <= published; number += 1) feed.publish(added(`s${number}`));
        const reader = feed.read({ after: `${other ? 'r0' : 'r1'}-${seen}` })!;
        const missed = Array.from({ length: Math.max(0, published - seen) }, (_, index) => `s${seen + index + 1}`);
        const isKnown = !other && seen <= published && missed.length <= remembered;
        expect(names(await reader.take(0))).toEqual(isKnown ? missed : ['reset']);
      }),
    );
  });

  it('drops a reader that does not read, and keeps no more than it may', async () => {
    const feed = makeFeed({ unread: 10 });
    const [slow, quick] = [feed.read({})!, feed.read({})!];
    for (let number = 0; number < 11; number += 1) {
      feed.publish(added('a'));
      expect(await quick.take(0)).toHaveLength(1);
    }
    expect([slow.isTooSlow, await slow.take(0), feed.readers]).toEqual([true, undefined, 1]);
  });

  it('has a bounded number of readers, who leave their place', () => {
    const feed = makeFeed({ readers: 2 });
    const first = feed.read({})!;
    feed.read({});
    expect(feed.read({})).toBeUndefined();
    first.close();
    expect(feed.read({})).toBeDefined();
  });

  it('wakes who waits, by an event and by its end', async () => {
    const feed = makeFeed();
    const reader = feed.read({})!;
    const waiting = reader.take(60_000);
    feed.publish(added('a'));
    expect(names(await waiting)).toEqual(['a']);
    const more = reader.take(60_000);
    feed.close();
    expect(await more).toBeUndefined();
    expect(feed.readers).toBe(0);
  });

  it('answers nothing in time with nothing', async () => {
    expect(await makeFeed().read({})!.take(1)).toEqual([]);
  });
});
