import { it } from 'vitest';
import { killAgainAndAgain } from '../support/kills.js';

// test/long/recovery.test.ts kills it 20 times.
it('comes back when ffmpeg is killed, with right sequence numbers and a thumbnail at every moment', async () => {
  await killAgainAndAgain(2);
});
