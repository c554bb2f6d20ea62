import { describe, expect, it } from 'vitest';
import { createEpisodes } from '../../src/telemetry/episodes.js';
import { createLogger } from '../../src/telemetry/logger.js';

describe('createEpisodes', () => {
  it('logs the beginning and the end of a series with its count', () => {
    const lines: Record<string, unknown>[] = [];
    const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
    let now = 1000;
    const episodes = createEpisodes({ log: createLogger({ level: 'info', secrets: [], destination }), now: () => now });

    episodes.ended('frames-dropped', 'nothing to end');
    for (let frame = 0; frame < 500; frame++) episodes.happened('frames-dropped', 'encoder is busy', { waiting: 1 });
    episodes.happened('uploads-failed', 'store is away');
    expect(episodes.count('frames-dropped')).toBe(500);
    now = 3500;
    episodes.ended('frames-dropped', 'encoder keeps up again');
    expect(episodes.count('frames-dropped')).toBe(0);
    episodes.ended('frames-dropped', 'already ended');
    episodes.happened('frames-dropped', 'busy again');

    expect(lines.map(({ level, msg, count, seconds, waiting }) => [level, msg, count, seconds, waiting])).toEqual([
      ['warn', 'encoder is busy', undefined, undefined, 1],
      ['warn', 'store is away', undefined, undefined, undefined],
      ['info', 'encoder keeps up again', 500, 2.5, undefined],
      ['warn', 'busy again', undefined, undefined, undefined],
    ]);
  });
});
