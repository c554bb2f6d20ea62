import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/parse.js';
import type { ConfigInput } from '../../../src/config/schema/schema.js';
import type { StreamAction } from '../../../src/events/stream-events.js';
import { loadEffects } from '../../../src/load/level.js';
import { type AcceptedFrame, FrameSelection } from '../../../src/stream/pictures/frame-selection.js';
import { cameraPixels, shadePixels, start } from '../pictures-env.js';

type Thumbnail = NonNullable<NonNullable<ConfigInput['streams']>[number]['thumbnail']>;

/** A selection whose chosen frames are worked on until `done` is called for each. */
function makeSelection(thumbnail: Thumbnail = {}, slowing = 1) {
  const stream = { name: 'cam', source: 'test', thumbnail: { intervalSeconds: 5, ...thumbnail } };
  const chosen: { readonly frame: AcceptedFrame; done(): void }[] = [];
  const emitted: StreamAction[] = [];
  const clock = { now: start };
  const selection = new FrameSelection({
    config: parseConfig({ streams: [stream] }).streams[0]!,
    events: { emit: (event) => emitted.push(event) },
    load: { effects: { ...loadEffects.normal, slowing } },
    now: () => clock.now,
    dateOf: (at) => at + 1000,
    onChosen: (frame) => new Promise((done) => chosen.push({ frame, done })),
  });
  /** Offers a frame of 64 × 36, an interval after the one before. */
  const offer = (pixels: Uint8Array, afterMs = 5000) => {
    clock.now += afterMs;
    const data = selection.acquire(pixels.byteLength);
    data.set(pixels);
    selection.offer({ data, width: 64, height: 36, ptsSeconds: 0 }, clock.now);
  };
  const sequences = () => chosen.map(({ frame }) => frame.sequence);
  const dropped = () => emitted.flatMap((event) => (event.type === 'frame-dropped' ? [event.reason] : []));
  return { selection, chosen, emitted, dropped, offer, sequences };
}

describe('FrameSelection', () => {
  it('lets the newest frame wait while one is worked on, and drops the one that waited', async () => {
    const { selection, chosen, dropped, offer, sequences } = makeSelection();
    for (const seed of [1, 2, 3]) offer(cameraPixels(seed));
    expect([sequences(), selection.hasWaiting, dropped()]).toEqual([[0], true, ['encoder-busy']]);
    chosen[0]!.done();
    await new Promise(setImmediate);
    expect([sequences(), selection.hasWaiting]).toEqual([[0, 2], false]);
    chosen[1]!.done();
    await selection.idle();
    expect(selection.counts).toEqual({ dropped: 1, rejected: 0 });
  });

  it('holds back what is black, and counts it', async () => {
    const { selection, dropped, offer, sequences } = makeSelection();
    offer(cameraPixels(1));
    offer(shadePixels(0));
    expect([sequences(), dropped()]).toEqual([[0], ['gate-black']]);
    expect(selection.counts).toEqual({ dropped: 0, rejected: 1 });
    expect(selection.judged).toMatchObject({ accepted: false, verdict: 'black' });
    await selection.rejected.idle();
    expect(selection.rejected.list()).toHaveLength(1);
  });

  it('takes no frame whose bytes are not those of its size', () => {
    const { selection, dropped, sequences } = makeSelection();
    selection.offer({ data: new Uint8Array(10), width: 64, height: 36, ptsSeconds: 0 }, start);
    expect([sequences(), dropped()]).toEqual([[], ['frame-invalid']]);
  });

  it('emits an event with the date of every frame, whether it gets an image or not', () => {
    const { emitted, offer } = makeSelection();
    for (const pixels of [cameraPixels(1), shadePixels(0)]) offer(pixels);
    const dates = emitted.flatMap((event) => (event.type === 'frame' ? [event.capturedAt] : []));
    expect(dates).toEqual([start + 6000, start + 11_000]);
  });

  it('lends the buffer of a suppressed frame for the next one', () => {
    const { selection, dropped, offer } = makeSelection();
    offer(cameraPixels(1));
    const data = selection.acquire(64 * 36 * 3).fill(0);
    selection.offer({ data, width: 64, height: 36, ptsSeconds: 0 }, start + 6000);
    expect(dropped()).toEqual(['gate-black']);
    expect(selection.acquire(data.length)).toBe(data);
  });

  it('says which frame is like the one before', async () => {
    const { chosen, offer } = makeSelection();
    offer(cameraPixels(1));
    chosen[0]!.done();
    await new Promise(setImmediate);
    offer(cameraPixels(1));
    expect(chosen.map(({ frame }) => frame.isStill)).toEqual([false, true]);
  });

  it('leaves frames out for the sake of the machine', async () => {
    const { chosen, dropped, offer, sequences } = makeSelection({ staleAfterSeconds: 60 }, 2);
    for (const seed of [1, 2, 3, 4, 5]) {
      offer(cameraPixels(seed));
      chosen.at(-1)!.done();
      await new Promise(setImmediate);
    }
    expect([sequences(), dropped()]).toEqual([
      [0, 2, 4],
      ['slowed', 'slowed'],
    ]);
  });

  it('chooses the sharpest of an interval', async () => {
    const { chosen, offer, sequences } = makeSelection({ bestOf: 3 });
    offer(cameraPixels(1));
    chosen[0]!.done();
    await new Promise(setImmediate);
    const blurred = cameraPixels(2).map((value) => 110 + value / 8);
    offer(cameraPixels(3), 1700);
    offer(blurred, 1700);
    expect(sequences()).toEqual([0]);
    offer(blurred, 1700);
    expect(sequences()).toEqual([0, 1]);
  });
});
