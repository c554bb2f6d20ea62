import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadAssets } from '../../src/web/assets.js';

let client: string;
beforeAll(async () => {
  client = await mkdtemp(join(tmpdir(), 'sidepipe-assets-'));
  await writeFile(join(client, 'home.js'), `// ${'the same again '.repeat(100)}\nexport {};\n`);
  await writeFile(join(client, 'imports.json'), '{"home.js":["chunk-1.js"]}');
});
afterAll(() => rm(client, { recursive: true, force: true }));

describe('loadAssets', () => {
  it('reads client code, style sheets and icons', () => {
    const { files, imports, icons, hash } = loadAssets({ client });
    const some = ['base.css', 'favicon.svg', 'home.css', 'home.js', 'player.css', 'watch.css'];
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
