import { describe, expect, it } from 'vitest';
import { SidepipeError } from '../../../src/errors.js';
import { UploadCounts } from '../../../src/storage/publish/progress.js';

const outage = new SidepipeError('no answer', { code: 'storage-unavailable', fault: 'storage', retryable: true });
const conflict = new SidepipeError('another node writes it', { code: 'storage-conflict', fault: 'storage' });

describe('Tally', () => {
  it('counts uploads, and forgets an error once one succeeds', () => {
    const tally = new UploadCounts();
    tally.count(outage);
    tally.count(outage);
    expect(tally).toMatchObject({ uploaded: 0, failed: 2, lastError: outage });
    tally.count(undefined);
    expect(tally).toMatchObject({ uploaded: 1, failed: 2, lastError: undefined });
  });

  it('keeps in mind that another node writes the stream, until it is over', () => {
    const tally = new UploadCounts();
    tally.note(conflict);
    tally.count(undefined);
    expect(tally).toMatchObject({ uploaded: 1, failed: 0, lastError: conflict });
    expect(tally.conflictOver()).toBe(true);
    expect(tally.lastError).toBeUndefined();
  });

  it('has no other error forgotten with a conflict', () => {
    const tally = new UploadCounts();
    expect(tally.conflictOver()).toBe(false);
    tally.note(outage);
    expect(tally.conflictOver()).toBe(false);
    expect(tally.lastError).toBe(outage);
  });
});
