import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadAssets } from '../../src/web/assets.js';
import { licencesOf } from '../../src/web/bundle/licences.js';

let client: string;
beforeAll(async () => {
  client = await mkdtemp(join(tmpdir(), 'sidepipe-assets-'));
  await writeFile(join(client, 'home.js'), `// ${'the same again '.repeat(100)}\nexport {};\n`);
  await writeFile(join(client, 'licences.txt'), 'Theirs.\n');
  await writeFile(join(client, 'imports.json'), '{"home.js":["chunk-1.js"]}');
});
afterAll(() => rm(client, { recursive: true, force: true }));

it('serves the licences of all that is bundled', async () => {
  const text = String(loadAssets().files.get('licences.txt')?.body);
  for (const notice of [
    /^hls\.js [\d.]+, Apache-2\.0/m,
    /^media-chrome [\d.]+, MIT/m,
    /^uplot [\d.]+, MIT/m,
    /^@cycjimmy\/jsmpeg-player [\d.]+, MIT/m,
    /^thumbhash [\d.]+, MIT/m,
    /http:\/\/www\.apache\.org\/licenses\//,
    /Permission is hereby granted/,
  ])
    expect(text).toMatch(notice);
  await expect(licencesOf([join(client, 'node_modules/none/index.js')])).rejects.toThrow('none');
});

describe('loadAssets', () => {
  it('reads client code, style sheets and icons', () => {
    const { files, imports, icons, hash } = loadAssets({ client });
    const some = ['base.css', 'favicon.svg', 'home.css', 'home.js', 'licences.txt', 'player.css', 'watch.css'];
    expect([...files.keys()]).toEqual(expect.arrayContaining(some));
    expect(imports.get('home.js')).toEqual(['chunk-1.js']);
    expect(files.get('home.js')?.contentType).toBe('text/javascript; charset=utf-8');
    expect(files.get('base.css')?.contentType).toBe('text/css; charset=utf-8');
    expect(icons.get('logo')).toMatch(/^<svg .*aria-hidden="true"/);
    expect(hash).toMatch(/^[0-9a-f]{16}$/);
  });

  it('compresses what gains by it', () => {
    const asset = loadAssets({ client }).files.get('home.js');
    expect(gunzipSync(asset?.gzip ?? Buffer.of())).toEqual(asset?.body);
  });

  it('has another hash when a file is another, and the same when none is', async () => {
    const before = loadAssets({ client }).hash;
    expect(loadAssets({ client }).hash).toBe(before);
    await writeFile(join(client, 'home.js'), 'export const changed = 1;\n');
    expect(loadAssets({ client }).hash).not.toBe(before);
  });

  it('says what to run when the client code is not built', () => {
    expect(() => loadAssets({ client: join(client, 'nowhere') })).toThrow(/npm run build.*nowhere/);
    expect(() => loadAssets({ client, static: join(client, 'nowhere') })).toThrow(/style sheet.*nowhere/);
  });
});
