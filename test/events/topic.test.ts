import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { Topic } from '../../src/events/topic.js';

describe('Topic', () => {
  it('hands every event to everyone who subscribed before it, in order', async () => {
    const topic = new Topic<number>();
    topic.publish(0);
    const [one, other] = [topic.subscribe(), topic.subscribe()];
    for (const event of [1, 2, 3]) topic.publish(event);
    topic.close();
    expect(await all(one)).toEqual([1, 2, 3]);
    expect(await all(other)).toEqual([1, 2, 3]);
  });

  it('wakes readers that wait, in the order of their asking', async () => {
    const topic = new Topic<number>();
    const subscription = topic.subscribe();
    const reads = [subscription.next(), subscription.next()];
    topic.publish(7);
    topic.publish(8);
    expect(await Promise.all(reads)).toEqual([
      { value: 7, done: false },
      { value: 8, done: false },
    ]);
  });

  it('keeps the newest for a slow reader, and counts what it pushed out', async () => {
    const topic = new Topic<number>();
    const slow = topic.subscribe({ limit: 3 });
    for (let event = 0; event < 10; event += 1) topic.publish(event);
    topic.close();
    expect(slow.dropped).toBe(7);
    expect(await all(slow)).toEqual([7, 8, 9]);
  });

  it('forgets a reader that leaves its loop', async () => {
    const topic = new Topic<number>();
    const subscription = topic.subscribe({ limit: 1 });
    topic.publish(1);
    for await (const event of subscription) {
      expect(event).toBe(1);
      break;
    }
    topic.publish(2);
    topic.publish(3);
    expect(subscription.dropped).toBe(0);
    expect(await subscription.next()).toEqual({ value: undefined, done: true });
  });

  it('ends with its signal, the waiting reader too', async () => {
    const topic = new Topic<number>();
    const abort = new AbortController();
    const subscription = topic.subscribe({ signal: abort.signal });
    const waiting = subscription.next();
    abort.abort();
    expect(await waiting).toEqual({ value: undefined, done: true });
    expect(await topic.subscribe({ signal: abort.signal }).next()).toEqual({ value: undefined, done: true });
    expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
  });

  it('leaves nothing on a signal that outlives its subscriptions', async () => {
    const topic = new Topic<number>();
    const { signal } = new AbortController();
    topic.subscribe({ signal }).close();
    await topic.subscribe({ signal }).return?.();
    topic.subscribe({ signal });
    topic.close();
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    expect(topic.hasReaders).toBe(false);
  });
});

async function all<T>(series: AsyncIterable<T>): Promise<T[]> {
  const events: T[] = [];
  for await (const event of series) events.push(event);
  return events;
}
