import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PartsInStep, type RenditionPart } from '../../src/hls/rendition-aligner.js';
import type { MediaPart } from '../../src/hls/segmenter.js';

const renditions = ['source', 'high', 'low'];

function partOf(sequence: number, startsSegment: boolean, bytes = 10): MediaPart {
  return {
    ...{ sequence, startsSegment, endsSegment: false, isIndependent: startsSegment },
    ...{ isDiscontinuity: false, hasAudio: true },
    ...{ bytes: new Uint8Array(bytes), durationSeconds: 0.2, startSeconds: 0, partTargetSeconds: 0.2 },
    ...{ init: undefined, completedAtMs: 0, frames: 5, units: [], keyframeSeconds: startsSegment ? [0] : [] },
  };
}

/** Three segments of three parts. */
const parts = [0, 1, 2].flatMap((sequence) => [0, 1, 2].map((index) => partOf(sequence, index === 0)));

describe('PartsInStep', () => {
  it('begins a segment in all renditions or in none, and keeps the order and every part, however they come', () => {
    const arrivals = fc.shuffledSubarray(
      renditions.flatMap((rendition) => parts.map(() => rendition)),
      { minLength: renditions.length * parts.length },
    );
    fc.assert(
      fc.property(arrivals, (order) => {
        const inStep = new PartsInStep({ renditions, maxWaitingBytes: 1e6 });
        const pushed = new Map(renditions.map((rendition) => [rendition, 0]));
        const given: RenditionPart[] = [];
        for (const rendition of order) {
          const index = pushed.get(rendition)!;
          pushed.set(rendition, index + 1);
          given.push(...inStep.push(rendition, parts[index]!));
          const begun = renditions.map((name) =>
            Math.max(-1, ...given.filter((each) => each.rendition === name).map(({ part }) => part.sequence)),
          );
          expect(new Set(begun).size).toBe(1);
        }
        for (const name of renditions)
          expect(given.filter((each) => each.rendition === name).map(({ part }) => part)).toEqual(parts);
      }),
    );
  });

  it('passes the parts of a single rendition at once', () => {
    const inStep = new PartsInStep({ renditions: ['source'], maxWaitingBytes: 0 });
    for (const part of parts) expect(inStep.push('source', part)).toEqual([{ rendition: 'source', part }]);
  });

  it('waits for a rendition no longer than the bytes allow', () => {
    const inStep = new PartsInStep({ renditions, maxWaitingBytes: 25 });
    expect(inStep.push('source', partOf(0, true))).toEqual([]);
    expect(inStep.push('high', partOf(0, true))).toEqual([]);
    expect(inStep.push('source', partOf(0, false)).map(({ rendition }) => rendition)).toEqual([
      'source',
      'source',
      'high',
    ]);
    // The one that is behind still gets all of its own.
    expect(inStep.push('low', partOf(0, true))).toHaveLength(1);
  });

  it('forgets what waited when another run starts', () => {
    const inStep = new PartsInStep({ renditions: ['source', 'low'], maxWaitingBytes: 100 });
    inStep.push('source', partOf(0, true));
    inStep.begin();
    expect(inStep.push('low', partOf(0, true))).toEqual([]);
    expect(inStep.push('source', partOf(0, true))).toHaveLength(2);
  });
});
