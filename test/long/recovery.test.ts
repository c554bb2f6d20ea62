import { it } from 'vitest';
import { killAgainAndAgain } from '../support/kills.js';

it('comes back from 20 kills of ffmpeg in a row, with right sequence numbers and a thumbnail at every moment', async () => {
  await killAgainAndAgain(20);
});
