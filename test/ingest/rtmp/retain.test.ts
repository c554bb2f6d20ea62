import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createPublisher } from '../../../src/ingest/rtmp/publisher.js';
import { parseFlv } from '../../support/rtmp-flv.js';
import { createSink } from '../../support/rtmp-node.js';

const header = Uint8Array.of(0x17, 0, 0, 0, 0, 1, 0x64, 0, 0x1f, 0xff);

function makePublisher() {
  return createPublisher({
    reads: () => true,
    tooLarge: () => undefined,
    ...{ stream: 'cam', address: '127.0.0.1', secure: false, encoder: 'test', startedAt: 0 },
    connection: { receivedBytes: 0, resume: () => undefined, close: () => undefined },
  });
}

/** A frame that is known by the byte at its end. */
function frame(number: number, isKey: boolean, bytes = 6) {
  const payload = new Uint8Array(bytes);
  payload.set([isKey ? 0x17 : 0x27, 1]);
  payload[bytes - 1] = number;
  return { type: 'video', timestamp: number * 40, payload } as const;
}

/** The frames that a pipe gives, by their numbers. */
async function piped({ publisher, ...feed }: ReturnType<typeof makePublisher>): Promise<number[]> {
  const sink = createSink();
  const end = publisher.pipe(sink.target);
  feed.finish('peer-closed');
  await end;
  await sink.target.end();
  const frames = parseFlv(sink.bytes()).filter(({ type, payload }) => type === 9 && payload[1] === 1);
  return frames.map(({ payload }) => payload.at(-1)!);
}

it('a publisher that is asked to retain begins its next pipe with the newest keyframe and all that came since', async () => {
  const numbered = fc.array(fc.boolean(), { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(numbered, fc.nat(60), fc.nat(60), async (keys, pipedAt, abortedAt) => {
      const feed = makePublisher();
      const abort = new AbortController();
      feed.publisher.retain(true);
      feed.take([{ type: 'video', timestamp: 0, payload: header }]);
      for (const [number, isKey] of keys.entries()) {
        if (number === Math.min(pipedAt, abortedAt)) {
          void feed.publisher.pipe(createSink().target, { signal: abort.signal });
        }
        if (number === Math.max(pipedAt, abortedAt)) abort.abort();
        feed.take([frame(number, isKey)]);
      }
      const wasPiped = Math.min(pipedAt, abortedAt) < keys.length;
      if (wasPiped && !abort.signal.aborted) abort.abort();
      const first = wasPiped ? keys.lastIndexOf(true) : keys.indexOf(true);
      const expected = first < 0 ? [] : keys.map((_, number) => number).slice(first);
      expect(await piped(feed)).toEqual(expected);
    }),
  );
});

it('a publisher keeps nothing of a GOP that is too large, and nothing once it is told not to', async () => {
  for (const isWanted of [true, false]) {
    const feed = makePublisher();
    const abort = new AbortController();
    feed.publisher.retain(true);
    void feed.publisher.pipe(createSink().target, { signal: abort.signal });
    abort.abort();
    feed.take([{ type: 'video', timestamp: 0, payload: header }, frame(1, true)]);
    // More than 32 MB of one GOP.
    if (isWanted) for (let number = 2; number < 36; number += 1) feed.take([frame(number, false, 2 ** 20)]);
    feed.publisher.retain(isWanted);
    expect(await piped(feed)).toEqual([]);
  }
});
