import { describe, expect, it } from 'vitest';
import type { SidepipeError } from '../../src/errors.js';
import type { PublishMetric } from '../../src/storage/publisher.js';
import { toS3Error } from '../../src/storage/s3/errors.js';
import { ForeignAnswer } from '../../src/storage/s3/responses.js';
import { FaultyStore } from '../support/faulty-store.js';
import { pages } from '../support/pages.js';
import { VirtualClock } from '../support/virtual-clock.js';
import { parsePlaylist, Show, studio, Witness } from './publish/studio.js';

const playlist = 'demo/source/index.m3u8';
const limit = 500_000;
const segmentBytes = 1_000_000;

/** What the S3 store would throw for this answer. */
function answerOf(
  status: number,
  { code, body, bytes = 0 }: { code?: string; body?: string; bytes?: number },
): SidepipeError {
  const thrown =
    body === undefined
      ? { name: code, message: 'no', $metadata: { httpStatusCode: status }, $response: { headers: {} } }
      : new ForeignAnswer(status, { 'content-type': 'text/html' }, body);
  return toS3Error(thrown, { operation: 'put', key: 'k', bucket: 'live', secrets: [], bytes });
}

const tooLarge = (bytes: number) => answerOf(413, { body: pages[0]!.body, bytes });

function stage(options: Partial<Parameters<typeof studio>[0]> = {}) {
  const clock = new VirtualClock();
  const store = new FaultyStore({ clock, latencyMs: 20 });
  const troubles: string[] = [];
  const lost: PublishMetric[] = [];
  const all: PublishMetric[] = [];
  const { publisher, events } = studio({
    clock,
    store,
    observe: (metric) => {
      all.push(metric);
      if (metric.type === 'trouble') troubles.push(`${metric.trouble} ${metric.holds ? 'begins' : 'ends'}`);
      if (metric.type === 'lost') lost.push(metric);
    },
    ...options,
  });
  const witness = new Witness(store, clock);
  return { clock, store, publisher, events, witness, troubles, lost, all };
}

const names = (events: readonly { readonly event: string }[]) =>
  events.map(({ event }) => event).filter((event) => !event.startsWith('playlist-'));

describe('a proxy that limits bodies below the size of segments', () => {
  it('for 60 s costs no segment: they wait, it is reported once, and all is listed afterwards', async () => {
    const { clock, store, publisher, events, witness, troubles, lost } = stage({ backlogBytes: 64 * 1024 ** 2 });
    publisher.start();
    const show = new Show(publisher, { bytes: segmentBytes, multivariant: true });
    await show.run(clock, 5);
    let refusedPuts = 0;
    store.answer = (operation, _key, bytes) => {
      if (operation !== 'put' || bytes <= limit) return undefined;
      refusedPuts += 1;
      return tooLarge(bytes);
    };
    await show.run(clock, 30);
    expect(show.publication.status()).toMatchObject({ state: 'refused', failed: 0 });
    expect(show.publication.status().playlistLagSeconds).toBeGreaterThanOrEqual(58);
    expect(show.publication.status().lastError?.message).toContain('client_max_body_size');
    expect(publisher.backlogBytes).toBe(30 * segmentBytes);
    // Each new segment once, and two or three of those that wait each time: not all of them again and again.
    expect(refusedPuts).toBeLessThan(30 + 3 * 12);
    store.answer = () => undefined;
    await show.run(clock, 8);
    expect(show.publication.status()).toMatchObject({ state: 'publishing', failed: 0, playlistLagSeconds: 0 });
    await show.run(clock, 20);
    expect([witness.problems, witness.gaps, lost]).toEqual([[], 0, []]);
    expect(names(events)).toEqual(['uploads-refused', 'uploads-accepted']);
    const [report] = events.filter(({ event }) => event === 'uploads-refused');
    expect(report?.details).toMatchObject({ kind: 'segment', bytes: segmentBytes, status: 413 });
    expect(report?.details?.['remedy']).toContain(`${segmentBytes} bytes`);
    expect(troubles).toEqual(['refused begins', 'refused ends']);
    expect([...store.objects.keys()].filter((key) => key.includes('probe'))).toEqual([]);
    await clock.until(publisher.close());
  });

  it('for longer than the backlog lasts gives up the oldest, keeps the newest, and says so everywhere', async () => {
    const { clock, store, publisher, events, witness, troubles, lost } = stage({ backlogBytes: 10_000_000 });
    publisher.start();
    const show = new Show(publisher, { bytes: segmentBytes });
    await show.run(clock, 5);
    store.answer = (operation, _key, bytes) => (operation === 'put' && bytes > limit ? tooLarge(bytes) : undefined);
    await show.run(clock, 30);
    expect(publisher.backlogBytes).toBeLessThanOrEqual(10_000_000);
    expect(show.publication.status().state).toBe('refused');
    expect(lost).toHaveLength(20);
    expect(lost[0]).toMatchObject({ reason: 'backlog-full', stream: 'demo', segments: 1 });
    store.answer = () => undefined;
    await show.run(clock, 8);
    expect(show.publication.status().state).toBe('losing');
    await show.run(clock, 20);
    expect(show.publication.status()).toMatchObject({ state: 'publishing', playlistLagSeconds: 0 });
    // One more had to go before the first that waited was taken.
    expect(lost.length).toBeLessThanOrEqual(21);
    expect(show.publication.status().failed).toBe(lost.length);
    expect(witness.problems).toEqual([]);
    expect(names(events)).toEqual(['uploads-refused', 'segments-given-up', 'segments-complete', 'uploads-accepted']);
    expect([...troubles].sort()).toEqual(['losing begins', 'losing ends', 'refused begins', 'refused ends']);
    await clock.until(publisher.close());
  });

  it('for single large segments holds up the others for a limited time, and lists nothing that is not there', async () => {
    const { clock, store, publisher, events, witness, lost } = stage();
    publisher.start();
    const show = new Show(publisher, { bytes: 1000 });
    await show.run(clock, 5);
    const refused: number[] = [];
    store.answer = (operation, key) => {
      if (operation !== 'put' || !key.endsWith('s1-5.ts')) return undefined;
      refused.push(clock.now());
      return tooLarge(1000);
    };
    const startedAt = clock.now();
    await show.run(clock, 40);
    expect(show.publication.status()).toMatchObject({ state: 'refused', failed: 0 });
    await show.run(clock, 10);
    expect(lost).toMatchObject([{ reason: 'refused', segments: 1 }]);
    expect(show.publication.status()).toMatchObject({ state: 'losing', failed: 1, playlistLagSeconds: 0 });
    expect(parsePlaylist(store.text(playlist)!).segments.at(-1)?.sequence).toBe(54);
    // At growing intervals, up to 10 s.
    expect(refused.length).toBeGreaterThan(8);
    expect(refused.length).toBeLessThan(60);
    expect(refused.at(-1)! - startedAt).toBeLessThan(100_000);
    await show.run(clock, 30);
    expect(witness.problems).toEqual([]);
    expect(names(events)).toEqual(['uploads-refused', 'segments-given-up', 'uploads-accepted', 'segments-complete']);
    await clock.until(publisher.close());
  });

  it('that ends connections instead of answering is the same', async () => {
    const { clock, store, publisher, events, witness } = stage({ backlogBytes: 64 * 1024 ** 2 });
    publisher.start();
    const show = new Show(publisher, { bytes: segmentBytes });
    await show.run(clock, 5);
    const reset = toS3Error(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }), {
      operation: 'put',
      bucket: 'live',
      secrets: [],
    });
    store.answer = (operation, _key, bytes) => (operation === 'put' && bytes > limit ? reset : undefined);
    await show.run(clock, 30);
    expect(show.publication.status()).toMatchObject({ state: 'refused', failed: 0 });
    store.answer = () => undefined;
    await show.run(clock, 28);
    expect(show.publication.status()).toMatchObject({ state: 'publishing', failed: 0, playlistLagSeconds: 0 });
    expect([witness.problems, witness.gaps]).toEqual([[], 0]);
    expect(names(events).filter((event) => event === 'uploads-refused')).toHaveLength(1);
    await clock.until(publisher.close());
  });

  it.each([0, 1])('that ends some connections before its answer is read is one report: %i first', async (first) => {
    const { clock, store, publisher, events } = stage({ backlogBytes: 64 * 1024 ** 2 });
    publisher.start();
    const show = new Show(publisher, { bytes: segmentBytes });
    await show.run(clock, 5);
    const ended = ['EPIPE', 'ECONNRESET'].map((code) =>
      toS3Error(Object.assign(new Error(`write ${code}`), { code }), {
        ...{ operation: 'put', bucket: 'live', secrets: [] },
      }),
    );
    let puts = first;
    let answers = true;
    store.answer = (operation, _key, bytes) => {
      if (operation !== 'put' || bytes <= limit) return undefined;
      puts += 1;
      return answers && puts % 3 === 1 ? tooLarge(bytes) : ended[puts % 2];
    };
    await show.run(clock, 20);
    store.answer = () => undefined;
    // All are stored, and the next trouble comes before the end of this one is told.
    await show.run(clock, 2);
    answers = false;
    store.answer = (operation, _key, bytes) => (operation === 'put' && bytes > limit ? ended[0] : undefined);
    await show.run(clock, 10);
    expect(events.filter(({ event }) => event === 'uploads-refused').map(({ details }) => details?.['status'])).toEqual(
      [413],
    );
    store.answer = () => undefined;
    await show.run(clock, 60);
    expect(names(events).filter((event) => event === 'uploads-accepted')).toHaveLength(1);
    expect(show.publication.status()).toMatchObject({ state: 'publishing', failed: 0 });
  });

  it('makes the second store take over, which is left only when a segment of that size has been taken', async () => {
    const clock = new VirtualClock();
    const [first, second] = [new FaultyStore({ clock }), new FaultyStore({ clock })];
    const { publisher, events } = studio({
      clock,
      store: first,
      fallback: { store: second },
      backlogBytes: 64 * 1024 ** 2,
    });
    publisher.start();
    const show = new Show(publisher, { bytes: segmentBytes });
    await show.run(clock, 5);
    first.answer = (operation, _key, bytes) => (operation === 'put' && bytes > limit ? tooLarge(bytes) : undefined);
    await show.run(clock, 60);
    expect(events.filter(({ event }) => event === 'store-switched')).toHaveLength(1);
    expect(parsePlaylist(second.text(playlist)!).segments.at(-1)?.sequence).toBe(64);
    first.answer = () => undefined;
    await show.run(clock, 30);
    expect(events.filter(({ event }) => event === 'store-switched')).toHaveLength(2);
    expect(parsePlaylist(first.text(playlist)!).segments.at(-1)?.sequence).toBe(94);
    expect(show.publication.status().failed).toBe(0);
    expect([...first.objects.keys()].filter((key) => key.includes('probe'))).toEqual([]);
    await clock.until(publisher.close());
  });
});

const answers: readonly { readonly name: string; readonly error: SidepipeError; readonly isAnswer: boolean }[] = [
  ...pages.map(({ name, status, body }) => ({
    name,
    error: answerOf(status, { body, bytes: 9 }),
    isAnswer: status < 500,
  })),
  ...[400, 402, 409, 411, 413, 418, 422, 431, 451, 499, 501].map((status) => ({
    name: `${status} SomethingNew`,
    error: answerOf(status, { code: 'SomethingNew' }),
    isAnswer: true,
  })),
  { name: '400 InvalidRequest', error: answerOf(400, { code: 'InvalidRequest' }), isAnswer: true },
  { name: '403 AccessDenied', error: answerOf(403, { code: 'AccessDenied' }), isAnswer: true },
  { name: '405 MethodNotAllowed', error: answerOf(405, { code: 'MethodNotAllowed' }), isAnswer: true },
  { name: '500 InternalError', error: answerOf(500, { code: 'InternalError' }), isAnswer: false },
  { name: '599 SomethingNew', error: answerOf(599, { code: 'SomethingNew' }), isAnswer: false },
];

const kinds: Readonly<Record<string, RegExp>> = {
  segments: /-\d+\.ts$/,
  'initialization segments': /init\.mp4$/,
  'media playlists': /source\/index\.m3u8$/,
  'the multivariant playlist': /^demo\/index\.m3u8$/,
  thumbnails: /thumbnail\.jpg$/,
  'immutable thumbnails': /thumbnail-.{27}\.jpg$/,
  stills: /stills\//,
  leases: /lease\.json$/,
};

describe.each(answers)('$name', ({ error, isAnswer }) => {
  it.each(Object.entries(kinds))(
    'to each write of %s for 30 s costs nothing, and nothing is listed that is not there',
    async (_, key) => {
      const { clock, store, publisher, events, witness, lost } = stage({ lease: { ttlMs: 60_000 } });
      publisher.start();
      const show = new Show(publisher, { bytes: 1000, multivariant: true });
      const stills = show.publication.stills({ naming: 'date', format: 'jpg', keepCount: 50, keepSeconds: 3600 });
      const contentType = 'image/jpeg';
      const round = async (count: number): Promise<void> => {
        for (let i = 0; i < count; i += 1) {
          const number = show.sequence;
          show.segment({ init: `init-${number < 8 ? 'a' : 'b'}-init.mp4` });
          show.publication.image({ key: 'demo/thumbnail.jpg', body: Buffer.from(`${number}`), contentType });
          const hash = `${number}`.padStart(27, 'h');
          const image = { key: `demo/thumbnail-${hash}.jpg`, body: Buffer.from(hash), contentType };
          show.publication.image(image, { immutable: true, series: 'thumbnail' });
          stills.add({
            body: Buffer.from(hash),
            contentType,
            cacheControl: 'x',
            metadata: {},
            capturedAt: clock.now(),
          });
          await clock.advance(2000);
        }
      };
      await round(5);
      store.answer = (operation, at) => (operation === 'put' && key.test(at) ? error : undefined);
      const changed = { key: 'demo/index.m3u8', body: Buffer.from('#EXTM3U\n# changed\n'), contentType };
      show.publication.multivariant(() => changed);
      await round(15);
      expect(show.publication.status().lastError?.details['status']).toBe(error.details['status']);
      store.answer = () => undefined;
      await round(25);
      await clock.advance(60_000);
      // Nothing has come for so long that the lease was given back.
      expect(show.publication.status()).toMatchObject({ state: 'idle', failed: 0, playlistLagSeconds: 0 });
      expect([witness.problems, witness.gaps, lost]).toEqual([[], 0, []]);
      expect(parsePlaylist(store.text(playlist)!).segments.at(-1)?.sequence).toBe(44);
      expect(store.text('demo/index.m3u8')).toContain('changed');
      expect(store.text('demo/thumbnail.jpg')).toBe('44');
      expect(store.text(`demo/thumbnail-${'44'.padStart(27, 'h')}.jpg`)).toBeDefined();
      const reports = names(events).filter((event) =>
        ['uploads-refused', 'store-refused', 'store-down'].includes(event),
      );
      // At most one of the object and one of the store.
      if (isAnswer) expect(new Set(reports).size).toBe(reports.length);
      expect(reports.length).toBeGreaterThan(0);
      await clock.until(publisher.close());
    },
  );
});
