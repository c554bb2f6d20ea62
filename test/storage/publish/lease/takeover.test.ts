import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type FoundPlaylist,
  Numbering,
  planTakeover,
  type TakeoverFacts,
} from '../../../../src/storage/publish/lease/takeover.js';

const START = Date.UTC(2027, 2, 3);

/** A playlist of another node whose segments follow each other. */
function playlistOf(durations: readonly number[], mediaSequence: number): FoundPlaylist<string> {
  let at = START;
  const segments = durations.map((durationSeconds, index) => {
    const programDateTime = at;
    at += durationSeconds * 1000;
    const key = `theirs-${index}`;
    const facts = { entry: key, key, initKey: undefined, discontinuity: false, gap: false };
    return { ...facts, durationSeconds, programDateTime };
  });
  return { mediaSequence, discontinuitySequence: 5, targetDurationSeconds: 2, ended: false, segments, isOurs: true };
}

/** What waits in this node: segments of `seconds` each, of which the first starts `offsetMs` after the other node's first. */
function ownSegments(count: number, seconds: number, offsetMs: number, mediaSequence: number) {
  return Array.from({ length: count }, (_, index) => ({
    key: `own-${index}`,
    seconds,
    position: {
      mediaSequence: mediaSequence + index,
      discontinuitySequence: 9,
      discontinuity: false,
      programDateTime: START + offsetMs + index * seconds * 1000,
    },
  }));
}

const durations = fc.array(fc.double({ min: 0.04, max: 4, noNaN: true }), { minLength: 1, maxLength: 8 });
const numbers = fc.integer({ min: 0, max: 1_000_000 });

describe('planTakeover', () => {
  it('never lists a segment that is dated before the last one of the other node, however short that is', () => {
    fc.assert(
      fc.property(
        durations,
        numbers,
        fc.integer({ min: 0, max: 20 }),
        fc.double({ min: 0.5, max: 4, noNaN: true }),
        fc.integer({ min: -30_000, max: 30_000 }),
        numbers,
        (listed, theirNumber, count, seconds, offsetMs, ownNumber) => {
          const found = playlistOf(listed, theirNumber);
          const own = ownSegments(count, seconds, offsetMs, ownNumber);
          const facts: TakeoverFacts<string> = {
            lanes: [{ found, asGap: (entry) => entry, own }],
            isRecent: true,
            listsAll: false,
            unusedNumbers: { mediaSequence: 0, discontinuitySequence: 0 },
          };
          const { tails, from, start } = planTakeover(facts)!;
          expect(tails[0]).toHaveLength(listed.length);
          const last = found.segments.at(-1)!;
          const next = own.filter(({ position }) => position.mediaSequence >= (from ?? 0));
          for (const { position } of from === undefined ? [] : next) {
            expect(position.programDateTime).toBeGreaterThanOrEqual(last.programDateTime!);
          }
          // The first own segment has the number after the last one of the tail.
          const numbering = new Numbering();
          numbering.continueAt(start);
          const position = next[0]?.position ?? {
            ...ownSegments(1, seconds, offsetMs, from ?? ownNumber)[0]!.position,
          };
          expect(numbering.of(position)).toEqual({
            mediaSequence: theirNumber + listed.length,
            discontinuitySequence: 6,
            discontinuity: true,
          });
        },
      ),
    );
  });

  it('starts behind a last segment that its node was ended in the middle of', () => {
    const found = playlistOf([1, 1, 0.08], 100);
    // This node cuts half a second earlier, so its third segment starts 0.27 s before the short one.
    const own = ownSegments(4, 1, -270, 40);
    const plan = planTakeover({
      lanes: [{ found, asGap: (entry) => entry, own }],
      isRecent: true,
      listsAll: false,
      unusedNumbers: { mediaSequence: 0, discontinuitySequence: 0 },
    })!;
    expect(plan.from).toBe(43);
  });
});
