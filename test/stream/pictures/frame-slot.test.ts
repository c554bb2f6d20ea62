import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Frame } from '../../../src/frames/frame.js';
import { FrameSlot } from '../../../src/stream/pictures/frame-selection.js';

/** A slot whose consumer works until it is told to end. */
function makeSlot() {
  const consumed: number[] = [];
  const dropped: number[] = [];
  const live = new Set<Uint8Array>();
  let finish: (() => void) | undefined;
  const slot = new FrameSlot({
    consume: (frame) => {
      expect(finish, 'one frame at a time').toBeUndefined();
      consumed.push(frame.sequence);
      return new Promise((resolve) => {
        finish = () => {
          finish = undefined;
          expect(new Set(frame.data), 'nobody wrote to what was lent').toEqual(new Set([frame.sequence % 256]));
          live.delete(frame.data);
          resolve();
        };
      });
    },
    onDropped: (frame) => {
      expect(new Set(frame.data)).toEqual(new Set([frame.sequence % 256]));
      live.delete(frame.data);
      dropped.push(frame.sequence);
    },
  });
  let sequence = 0;
  /** Captures one frame, as the splitter does, and gives its buffer. */
  const capture = (bytes: number): Uint8Array => {
    const data = slot.acquire(bytes);
    expect(data).toHaveLength(bytes);
    expect(live.has(data), 'a buffer that is in use').toBe(false);
    live.add(data);
    data.fill(sequence % 256);
    const frame: Frame = { data, width: bytes / 3, height: 1, ptsSeconds: sequence, capturedAt: sequence, sequence };
    sequence += 1;
    slot.offer(frame);
    return data;
  };
  const end = async () => {
    finish?.();
    // The consumer's promise, and the slot behind it.
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  };
  return { slot, consumed, dropped, live, capture, end, isBusy: () => finish !== undefined };
}

type Step = { readonly kind: 'capture'; readonly bytes: number } | { readonly kind: 'end' };

const steps = (sizes: readonly number[]): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...sizes).map((bytes) => ({ kind: 'capture' as const, bytes })) },
      { weight: 2, arbitrary: fc.constant({ kind: 'end' as const }) },
    ),
    { maxLength: 60 },
  );

describe('FrameSlot', () => {
  it.each([
    ['of one size', [12]],
    ['of changing sizes', [12, 12, 12, 30, 300]],
  ])(
    'consumes the newest of frames %s, in order, drops the others, and never uses more than three buffers',
    async (_, sizes) => {
      await fc.assert(
        fc.asyncProperty(steps(sizes), async (todo) => {
          const { slot, consumed, dropped, live, capture, end, isBusy } = makeSlot();
          const buffers = new Set<Uint8Array>();
          let captured = 0;
          for (const step of todo) {
            if (step.kind === 'capture') {
              const wasBusy = isBusy();
              buffers.add(capture(step.bytes));
              captured += 1;
              // An idle consumer gets it at once; a busy one finds it when it is done.
              expect(slot.hasWaiting).toBe(wasBusy);
            } else {
              const newest = slot.hasWaiting ? captured - 1 : consumed.at(-1);
              await end();
              expect(consumed.at(-1)).toBe(newest);
              expect(slot.hasWaiting).toBe(false);
            }
            expect(live.size).toBeLessThanOrEqual(2);
          }
          while (isBusy()) await end();
          await slot.idle();
          if (sizes.length === 1) expect(buffers.size).toBeLessThanOrEqual(3);
          expect(consumed).toEqual([...consumed].sort((a, b) => a - b));
          expect([...consumed, ...dropped].sort((a, b) => a - b)).toEqual(
            Array.from({ length: captured }, (__, n) => n),
          );
          if (captured > 0) expect(consumed.at(-1)).toBe(captured - 1);
          expect(live.size).toBe(0);
        }),
        { numRuns: 300 },
      );
    },
  );

  it('takes the newest when the consumer was blocked for a long time, and uses three buffers for it', async () => {
    const { slot, consumed, dropped, capture, end } = makeSlot();
    const buffers = new Set(Array.from({ length: 1000 }, () => capture(48)));
    expect(buffers.size).toBe(3);
    expect(consumed).toEqual([0]);
    expect(dropped).toEqual(Array.from({ length: 998 }, (_, index) => index + 1));
    await end();
    expect(consumed).toEqual([0, 999]);
    let isIdle = false;
    const idle = slot.idle().then(() => {
      isIdle = true;
    });
    await Promise.resolve();
    expect(isIdle).toBe(false);
    await end();
    await idle;
    capture(48);
    expect(consumed).toEqual([0, 999, 1000]);
  });

  it('uses buffers again after a pause', async () => {
    const { capture, end } = makeSlot();
    const buffers = new Set<Uint8Array>();
    for (let frame = 0; frame < 50; frame++) {
      buffers.add(capture(48));
      await end();
    }
    expect(buffers.size).toBe(1);
  });

  it('lets go of the buffers of a size that is gone', async () => {
    const { capture, end } = makeSlot();
    const old = Array.from({ length: 3 }, () => capture(48));
    await end();
    await end();
    const other = new Set(Array.from({ length: 3 }, () => capture(30)));
    await end();
    await end();
    for (let frame = 0; frame < 20; frame++) expect(other.has(capture(30))).toBe(true);
    await end();
    await end();
    for (let frame = 0; frame < 3; frame++) expect(old).not.toContain(capture(48));
  });

  it('is idle when nothing was ever offered', async () => {
    await new FrameSlot({ consume: async () => {}, onDropped: () => {} }).idle();
  });
});
