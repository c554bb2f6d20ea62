import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ReadySegment } from '../../src/hls/assembler.js';
import { InStep, type Step } from '../../src/hls/in-step.js';

const names = ['a', 'b', 'c'];
const make = (renditions: readonly string[] = names) => new InStep({ renditions, toleranceSeconds: 0.25 });

function segmentOf(sequence: number, more: Partial<ReadySegment> = {}): ReadySegment {
  return {
    ...{ sequence, file: `${sequence}.ts`, body: new Uint8Array(1), completedAtMs: 0 },
    ...{ durationSeconds: 2, discontinuity: false },
    ...more,
  };
}

/** Each step as `3:abc`, with a `!` where it begins a discontinuity. */
function textOf(steps: readonly Step[]): string {
  return steps
    .map(({ segments, discontinuity }) => {
      const numbers = new Set(segments.map(({ segment }) => segment.sequence));
      return `${[...numbers]}:${segments.map(({ rendition }) => rendition).join('')}${discontinuity ? '!' : ''}`;
    })
    .join(' ');
}

describe('InStep', () => {
  it('hands on a single rendition as it comes', () => {
    const step = make(['a']);
    expect(textOf([0, 1, 5].flatMap((sequence) => step.add('a', segmentOf(sequence))))).toBe('0:a 1:a 5:a');
  });

  it('waits for the last rendition, whatever their order', () => {
    const step = make();
    expect(step.add('c', segmentOf(0))).toEqual([]);
    expect(step.add('c', segmentOf(1))).toEqual([]);
    expect(step.add('a', segmentOf(0))).toEqual([]);
    expect(textOf(step.add('b', segmentOf(0)))).toBe('0:abc');
    step.add('b', segmentOf(1));
    expect(textOf(step.add('a', segmentOf(1)))).toBe('1:abc');
  });

  it('leaves out of all what one has lost, as a discontinuity in all', () => {
    const step = make(['a', 'b']);
    const steps = [0, 1, 2, 3].flatMap((sequence) => [
      ...step.add('a', segmentOf(sequence)),
      ...(sequence === 1 ? [] : step.add('b', segmentOf(sequence))),
    ]);
    expect(textOf(steps)).toBe('0:ab 2:ab! 3:ab');
    expect(step.leftOut).toBe(1);
    expect(step.inStep).toBe(true);
  });

  it('lets each go by itself once they were cut at different places', () => {
    const step = make(['a', 'b']);
    step.add('a', segmentOf(0));
    expect(textOf(step.add('b', segmentOf(0)))).toBe('0:ab');
    step.add('a', segmentOf(1));
    step.add('a', segmentOf(2));
    expect(textOf(step.add('b', segmentOf(1, { durationSeconds: 4 })))).toBe('1:ab 2:a');
    expect(step.inStep).toBe(false);
    expect(textOf(step.add('b', segmentOf(2, { discontinuity: true })))).toBe('2:b!');
  });

  it('holds a bounded number of segments while one rendition has none', () => {
    const step = new InStep({ renditions: ['a', 'b'], toleranceSeconds: 0.25, maxWaiting: 3 });
    for (let sequence = 0; sequence < 10; sequence += 1) expect(step.add('a', segmentOf(sequence))).toEqual([]);
    expect(step.leftOut).toBe(7);
    expect(textOf(step.add('b', segmentOf(9)))).toBe('9:ab!');
  });

  it('lists the same numbers in all renditions, rising, each at most once, whatever is lost and in whatever order', () => {
    const lost = fc.array(fc.record({ rendition: fc.constantFrom(...names), sequence: fc.nat(20) }));
    fc.assert(
      fc.property(lost, fc.infiniteStream(fc.nat(2)), (missing, choices) => {
        const step = make();
        const queues = names.map((rendition) =>
          Array.from({ length: 21 }, (_, sequence) => sequence).filter(
            (sequence) => !missing.some((each) => each.rendition === rendition && each.sequence === sequence),
          ),
        );
        const listed: number[] = [];
        const last = new Map<number, number>();
        const complete = queues[0]!.filter((sequence) => queues.every((queue) => queue.includes(sequence)));
        for (const choice of choices) {
          const index = [choice, 0, 1, 2].find((each) => queues[each]!.length > 0);
          if (index === undefined) break;
          const next = queues[index]!.shift()!;
          // What a rendition has lost by itself it tells.
          const hasHole = last.has(index) && next !== last.get(index)! + 1;
          last.set(index, next);
          for (const { segments, discontinuity } of step.add(
            names[index]!,
            segmentOf(next, { discontinuity: hasHole }),
          )) {
            expect(segments.map(({ rendition }) => rendition)).toEqual(names);
            const [sequence, ...others] = new Set(segments.map(({ segment }) => segment.sequence));
            expect(others).toEqual([]);
            if (listed.length > 0) expect(discontinuity).toBe(sequence !== listed.at(-1)! + 1);
            listed.push(sequence!);
          }
        }
        // Nothing is held back that all have, but for what more than the bound waited for.
        expect(listed.every((sequence, at) => at === 0 || sequence > listed[at - 1]!)).toBe(true);
        expect(complete).toEqual(expect.arrayContaining(listed));
      }),
    );
  });
});
