import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { environmentName } from '../../src/config/environment.js';
import { fields, parseConfig } from '../../src/config/parse.js';
import { valueAt } from '../../src/config/tree.js';

const text = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
const rows = text
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

/** Settings that are unset and then decided by something else, which the column names. */
const decidedElsewhere: Readonly<Record<string, string>> = {
  'admin.token': 'generated',
  'storage.s3.forcePathStyle': 'by vendor',
  'storage.fallback.s3.forcePathStyle': 'by vendor',
  'streams[n].thumbnail.height': '9/16 of the width',
};

/** A default as the column shows it. */
function shown(setting: string, value: unknown): string {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return decidedElsewhere[setting] ?? 'none';
  if (value === '') return 'empty';
  return setting === 'storage.backlogBytes' ? `\`${Number(value) / 1024 ** 2}MiB\`` : `\`${String(value)}\``;
}

/** What a node works with where nothing was set but what must be, and so much of the rest that each setting has a place. */
const bare = parseConfig({
  storage: { type: 's3', s3: { bucket: 'live' }, fallback: { type: 's3', s3: { bucket: 'spare' } } },
  streams: [{ name: 'a', source: 'test', renditions: [{}], thumbnail: { sizes: [{ width: 320 }] } }],
});

/** Set above, so it says nothing of defaults. */
const needed =
  /^(?:rtmps|playback\.keys|alerts\.webhooks|streams\.\*\.playback\.keys)\.|\.(?:bucket|type|name|source)$|sizes\.\*\.width$/;

describe('docs/configuration.md', () => {
  it.each(fields.map((field) => [field.path.join('.'), field] as const))('describes %s', (_, field) => {
    const setting = field.path.join('.').replaceAll('.*', '[n]');
    const cells = rows.find(([first]) => first === `\`${setting}\``);
    expect(cells, `a row for ${setting}`).toBeDefined();
    expect(cells).toHaveLength(4);
    expect(cells?.[2]?.length).toBeGreaterThan(10);
    expect(cells?.[3]).toBe(`\`${environmentName(field.path).replaceAll('*', 'n')}\``);
    expect(cells?.[1]).toBe(shown(setting, field.defaultValue));
  });

  it('has the defaults that the node works with', () => {
    const compared = fields.filter(({ path }) => !needed.test(path.join('.')));
    const ofNode = compared.map(({ path }) => {
      const setting = path.join('.').replaceAll('.*', '[n]');
      const { value } = valueAt(
        bare,
        path.map((part) => (part === '*' ? 0 : part)),
      );
      return [setting, shown(setting, value)];
    });
    const ofPage = compared.map(({ path }) => {
      const setting = path.join('.').replaceAll('.*', '[n]');
      return [setting, rows.find(([first]) => first === `\`${setting}\``)?.[1]];
    });
    expect(compared.length).toBeGreaterThan(120);
    expect(ofNode).toEqual(ofPage);
  });

  it('tells all that the profile edge changes', () => {
    const minimal = { storage: { type: 's3', s3: { bucket: 'live' } } };
    const stream = { name: 'a', source: 'test', renditions: [{}] };
    const plain = parseConfig({ ...minimal, streams: [stream] });
    const edge = parseConfig({ ...minimal, profile: 'edge', streams: [stream] });
    const [, told = ''] = /^What `profile: edge` changes(.*?)\n\n/ms.exec(text) ?? [];
    const changed = fields.flatMap(({ path }) => {
      const place = path.map((part) => (part === '*' ? 0 : part));
      const value = valueAt(edge, place).value;
      const setting = path.join('.').replace(/^streams\.\*\.(?:renditions\.\*\.)?/, '');
      return setting === 'profile' || valueAt(plain, place).value === value || typeof value === 'object'
        ? []
        : [{ setting, value: setting === 'storage.backlogBytes' ? '16MiB' : String(value) }];
    });
    expect(changed.length).toBeGreaterThan(8);
    for (const { setting, value } of changed) {
      const [, after] = told.split(`\`${setting}\``);
      expect(after?.trim().replaceAll('`', ''), setting).toMatch(new RegExp(`^${value}\\b`));
    }
  });

  it('describes nothing that there is not', () => {
    expect(rows).toHaveLength(fields.length);
  });
});
