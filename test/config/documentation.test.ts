import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fields, parseConfig } from '../../src/config/parse.js';
import { valueAt } from '../../src/config/tree.js';
import { editorSchema, nameOf, withTables } from './reference.js';

const folder = new URL('../../docs/', import.meta.url);
const text = readFileSync(new URL('configuration.md', folder), 'utf8');

/** What a node works with where nothing was set but what must be, and so much of the rest that each setting has a place. */
const bare = parseConfig({
  storage: { type: 's3', s3: { bucket: 'live' }, fallback: { type: 's3', s3: { bucket: 'spare' } } },
  streams: [{ name: 'a', source: 'test', renditions: [{}], thumbnail: { sizes: [{ width: 320 }] } }],
});

/** Set above, so it says nothing of defaults. */
const needed =
  /^(?:rtmps|webrtc\.iceServers\.\*|playback\.keys|alerts\.webhooks|streams\.\*\.playback\.keys)\.|\.(?:bucket|type|name|source)$|sizes\.\*\.width$/;

it.each([
  ['configuration.md', () => withTables(text)],
  ['sidepipe.schema.json', editorSchema],
])('docs/%s is what the schema says', async (name, generate) => {
  await expect(generate(), 'run `npm run docs`').toMatchFileSnapshot(new URL(name, folder).pathname);
});

describe('docs/configuration.md', () => {
  it.each(fields.map((field) => [nameOf(field), field] as const))('has words for %s', (_, field) => {
    expect(field.schema.description).toMatch(/^.{10,}\.$/);
  });

  it('has the defaults that the node works with', () => {
    const compared = fields.filter(({ path }) => !needed.test(path.join('.')));
    const ofNode = compared.map(
      ({ path }) =>
        valueAt(
          bare,
          path.map((part) => (part === '*' ? 0 : part)),
        ).value,
    );
    expect(compared.length).toBeGreaterThan(120);
    expect(ofNode).toEqual(compared.map(({ defaultValue }) => defaultValue));
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
});
