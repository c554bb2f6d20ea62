import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse.js';
import { SidepipeError } from '../../src/errors.js';

const s3 = { bucket: 'live', region: 'eu-central-1' };

/** The problems of a storage section, as `path: message`. */
function problemsOf(storage: unknown): string[] {
  try {
    parseConfig({ storage });
  } catch (error) {
    if (!(error instanceof SidepipeError)) throw error;
    return (error.details['problems'] as { path: string; message: string }[]).map(
      ({ path, message }) => `${path}: ${message}`,
    );
  }
  return [];
}

describe('storage', () => {
  it('has a lease and an audit, no second store, and is not needed for readiness', () => {
    const { storage } = parseConfig({ storage: { type: 's3', s3 } });
    expect(storage).toMatchObject({
      lease: { enabled: true, ttlSeconds: 12 },
      audit: { enabled: true, intervalSeconds: 60 },
      orphanIntervalSeconds: 600,
      required: false,
    });
    expect(storage.fallback).toBeUndefined();
  });

  it('takes a second store of either type', () => {
    const { storage } = parseConfig({
      storage: { type: 's3', s3, fallback: { type: 'directory', directory: { path: '/srv/live' }, afterSeconds: 60 } },
    });
    expect(storage.fallback).toMatchObject({ type: 'directory', afterSeconds: 60, handBackAfterSeconds: 10 });
    expect(problemsOf({ type: 's3', s3, fallback: { type: 's3', s3: { ...s3, prefix: 'spare' } } })).toEqual([]);
  });

  it.each([
    [{ type: 's3', s3, fallback: { type: 's3' } }, 'storage.fallback.s3: required when storage.fallback.type is s3'],
    [{ type: 's3', s3, fallback: { type: 'memory' } }, 'storage.fallback.type: expected s3 or directory, got "memory"'],
    [
      { fallback: { type: 'directory', directory: { path: 'x' } } },
      'storage.fallback: requires storage.type s3 or directory',
    ],
    [{ required: true }, 'storage.required: requires storage.type s3 or directory'],
    [{ type: 's3', s3, lease: { ttlSeconds: 1 } }, 'storage.lease.ttlSeconds: expected at least 3, got 1'],
    [
      { type: 's3', s3, fallback: { type: 's3', s3: { ...s3, accessKeyId: 'x' } } },
      'storage.fallback.s3.secretAccessKey: accessKeyId and secretAccessKey must be set together',
    ],
  ])('refuses %j', (storage, problem) => {
    expect(problemsOf(storage)).toEqual([problem]);
  });
});
