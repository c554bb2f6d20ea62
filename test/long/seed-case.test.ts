import { it } from 'vitest';
import { expectEveryThumbnail } from '../support/deleted-segments.js';

it('misses no thumbnail in 60 s at a 1-s interval while every segment is deleted the moment it is complete', async () => {
  await expectEveryThumbnail(61);
});
