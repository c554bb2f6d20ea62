import { expect } from 'vitest';
import { type FuzzOptions, fuzzLimits, fuzzSessions } from './rtmp-fuzz.js';

const everySession = ['stopped', 'unpublished', 'command-malformed', 'command-unexpected', 'message-too-large'];
const endsOf = {
  bytes: [...everySession, 'chunk-header-missing', 'chunk-header-inside-message', 'chunk-size-invalid'],
  structure: [...everySession, 'aggregate-malformed', 'control-message-invalid', 'play-unsupported', 'bad-key'],
};

/** Runs so many damaged sessions: none may throw or exceed a limit, and together they end in every expected way and in `rare` ones. */
export function expectRobustSessions(kind: FuzzOptions['kind'], count: number, rare: readonly string[] = []): void {
  const report = fuzzSessions({ kind, count, seed: 20_261_122 });
  expect(report.mostBufferedBytes).toBeLessThanOrEqual(fuzzLimits.bufferedBytes);
  // The work that bytes can cause is bounded: responses and events are in proportion to the input.
  expect(report.worstAnswerRatio).toBeLessThan(20);
  expect(report.worstEventRatio).toBeLessThanOrEqual(1);
  // The fuzz reaches what it is for: accepted publishers, and the refusals of every layer.
  expect(report.published).toBeGreaterThan(count / 5);
  expect(Object.keys(report.ends)).toEqual(expect.arrayContaining([...endsOf[kind], ...rare]));
}
