import { describe, expect, it } from 'vitest';
import { fuzzLimits, fuzzSessions } from '../../support/rtmp-fuzz.js';

// The full counts (2,000,000 and 100,000) and the times are the business of bench/fuzz-rtmp.ts.
describe('RTMP session under fuzz', () => {
  it.each([
    ['bytes', 30_000],
    ['structure', 10_000],
  ] as const)('throws nothing, ends once and stays within its limits: %s', (kind, count) => {
    const report = fuzzSessions({ kind, count, seed: 20_261_122 });
    expect(report.mostBufferedBytes).toBeLessThanOrEqual(fuzzLimits.bufferedBytes);
    // The work that bytes can cause is bounded: answers and events are in proportion to what came.
    expect(report.worstAnswerRatio).toBeLessThan(20);
    expect(report.worstEventRatio).toBeLessThanOrEqual(1);
    // And the fuzz reaches what it is for: publishers let in, and every layer's refusals.
    expect(report.published).toBeGreaterThan(count / 5);
    const expected = ['stopped', 'unpublished', 'command-malformed', 'command-unexpected', 'message-too-large'];
    const ofBytes = ['chunk-header-missing', 'chunk-header-inside-message', 'chunk-size-invalid', 'handshake-version'];
    const ofStructure = ['aggregate-malformed', 'control-message-invalid', 'play-unsupported', 'bad-key'];
    expect(Object.keys(report.ends)).toEqual(
      expect.arrayContaining([...expected, ...(kind === 'bytes' ? ofBytes : ofStructure)]),
    );
  });
});
