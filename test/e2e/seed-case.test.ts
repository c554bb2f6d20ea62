import { it } from 'vitest';
import { expectEveryThumbnail } from '../support/deleted-segments.js';

// test/long/seed-case.test.ts does the same for a minute.
it('misses no thumbnail while every segment is deleted the moment it is complete', async () => {
  await expectEveryThumbnail(12);
});
