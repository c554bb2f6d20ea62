import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { fields, parseConfig } from '../../src/config/parse.js';
import { parseKey } from '../../src/storage/keys.js';
import { resolveVendor } from '../../src/storage/s3/vendors.js';
import { createMetrics } from '../../src/telemetry/metrics.js';

const text = readFileSync(new URL('../../docs/storage.md', import.meta.url), 'utf8');
const blocks = (language: string) =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, body]) => body!);

describe('docs/storage.md', () => {
  it.each(blocks('yaml').map((yaml) => [yaml.trim().split('\n').slice(1, 4).join(' '), yaml]))(
    'has an example that is a configuration: %s',
    (_, yaml) => {
      const { storage } = parseConfig(parse(yaml));
      expect(storage.type).not.toBe('memory');
      for (const { s3 } of [storage, storage.fallback ?? {}]) if (s3) expect(() => resolveVendor(s3)).not.toThrow();
    },
  );

  it('has an example for each vendor of its table', () => {
    const named = blocks('yaml').flatMap((yaml) => {
      const { s3 } = parseConfig(parse(yaml)).storage;
      return s3 ? [resolveVendor(s3).vendor] : [];
    });
    expect(named).toEqual(expect.arrayContaining(['aws', 'r2', 'minio', 'b2', 'gcs', 'ceph', 'wasabi']));
  });

  it('has policies and rules that are JSON', () => {
    expect(blocks('json').map((json) => JSON.parse(json))).toHaveLength(3);
  });

  it('names keys that the node makes', () => {
    const keys = [...text.matchAll(/^\{prefix\}(\S+)/gm)].map(([, key]) => key!);
    expect(keys.map((key) => parseKey(key)?.kind)).toEqual([
      'multivariant',
      'playlist',
      'segment',
      'thumbnail',
      'lease',
    ]);
  });

  it('names settings that there are', () => {
    const names = new Set(fields.flatMap(({ path }) => path.map((_, end) => path.slice(0, end + 1).join('.'))));
    const api = new Set(['storage.state', 'storage.playback']);
    const written = [...text.matchAll(/`(storage\.[A-Za-z0-9.]+)/g)].map(([, name]) => name!);
    expect(written.filter((name) => !names.has(name) && !api.has(name))).toEqual([]);
    expect(written.length).toBeGreaterThan(8);
  });

  it('names metrics that there are, with their labels', async () => {
    const { body } = await createMetrics().render();
    const written = [...text.matchAll(/`(sidepipe_\w+)/g)].map(([, name]) => name!);
    expect(written.filter((name) => !body.includes(`# TYPE ${name} `))).toEqual([]);
    expect(written.length).toBeGreaterThan(6);
  });
});
