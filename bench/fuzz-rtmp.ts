import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { fuzzSessions } from '../test/support/rtmp-fuzz.js';

// Does the RTMP core keep its promises under 2,000,000 damaged sessions and 100,000 senseless ones, and how slow can
// input make it? `tsx bench/fuzz-rtmp.ts [--bytes N] [--structure N] [--seed N] [--only N]`

const { values } = parseArgs({
  options: {
    bytes: { type: 'string', default: '2000000' },
    structure: { type: 'string', default: '100000' },
    only: { type: 'string' },
    seed: { type: 'string', default: '1' },
  },
});
const only = values.only === undefined ? undefined : Number(values.only);
const clock = () => performance.now();
for (const kind of ['bytes', 'structure'] as const) {
  const count = Number(values[kind]);
  // The first thousand sessions pay for the compiler.
  fuzzSessions({ kind, count: Math.min(count, 1000), seed: 0, clock });
  const report = fuzzSessions({ kind, count, seed: Number(values.seed), only, clock });
  process.stdout.write(`${JSON.stringify({ kind, ...report }, null, 2)}\n`);
}
