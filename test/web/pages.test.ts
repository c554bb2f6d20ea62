import { describe, expect, it } from 'vitest';
import { makeApp } from '../http/make-app.js';
import { FakeStream, pictureOf } from '../support/fake-streams.js';

const hostile = `"><script>alert(1)</script>'&`;

function hostileStream(): FakeStream {
  const stream = new FakeStream(hostile);
  stream.reason = { code: 'x', message: hostile };
  stream.sourceKind = hostile;
  stream.hlsFacts.codecs = hostile;
  stream.hlsFacts.resolution = hostile;
  return stream;
}

describe('pages', () => {
  it.each(['/', `/watch/${encodeURIComponent(hostile)}`, `/watch/${encodeURIComponent('<script>alert(1)</script>')}`])(
    'escape everything: %s',
    async (path) => {
      const page = await (await makeApp([hostileStream()]).get(path, { accept: 'text/html' })).text();
      expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
      expect(page).not.toContain('<script>');
      expect(page).not.toContain(`"><`.concat('script'));
    },
  );

  it.each(['/', '/watch/cam', '/nothing'])('%s forbids what it does not need', async (path) => {
    const { headers } = await makeApp([new FakeStream('cam')]).get(path, { accept: 'text/html' });
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-frame-options')).toBe('DENY');
    expect(headers.get('referrer-policy')).toBe('same-origin');
    expect(headers.has('access-control-allow-origin')).toBe(false);
  });

  it.each(['/', '/watch/cam', '/a/b/nothing'])('%s has nothing inline and nothing from elsewhere', async (path) => {
    const page = await (await makeApp([new FakeStream('cam')]).get(path, { accept: 'text/html' })).text();
    expect(page).not.toMatch(/<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)/);
    // Relative addresses only: the node may be mounted under any path of a proxy.
    const addresses = [...page.matchAll(/\s(?:href|src|poster)="([^"]*)"/g)].map(([, address]) => address);
    expect(addresses.length).toBeGreaterThan(4);
    // What tells other sites of this page is absolute, and of this node.
    const absolute = addresses.filter((address) => /^(?:[a-z]+:|\/)/.test(address ?? ''));
    expect(absolute.filter((address) => !/^http:\/\/localhost\/(?:watch\/|oembed\?)/.test(address ?? ''))).toEqual([]);
  });

  it('show the age of the picture before any script runs', async () => {
    const stream = new FakeStream('cam');
    const capturedAt = Date.parse('2026-03-01T12:00:00.000Z');
    stream.pictures.set('jpg', pictureOf(Buffer.from('x'), { capturedAt }));
    const { get } = makeApp([stream], { now: () => capturedAt + 7_900 });
    for (const path of ['/', '/watch/cam']) expect(await (await get(path)).text()).toContain('>7 s ago<');
  });

  it('carry placeholders as data, never as styles', async () => {
    const stream = new FakeStream('cam');
    stream.thumbnailFacts = { placeholder: 'aGFzaA==', dominantColour: '#102030' };
    const page = await (await makeApp([stream]).get('/')).text();
    expect(page).toContain('data-placeholder="aGFzaA=="');
    expect(page).toContain('data-colour="#102030"');
    expect(page).not.toMatch(/\sstyle=/);
  });

  it('offer the public addresses where one is configured, and fetch from where they came', async () => {
    const { get } = makeApp([new FakeStream('cam')], { publicUrl: 'https://live.example.org' });
    const page = await (await get('/watch/cam')).text();
    expect(page).toContain('value="https://live.example.org/live/cam/index.m3u8"');
    expect(page).toContain('value="https://live.example.org/live/cam/thumbnail.jpg"');
    expect(page).toContain('src="../live/cam/thumbnail.jpg"');
  });

  it('help where there is no stream, with the address that publishers need', async () => {
    const page = await (await makeApp([]).get('/', { host: 'tv.home.arpa:8080' })).text();
    expect(page).toContain('No streams yet');
    expect(page).toContain('source: rtsp://');
    expect(page).toContain('<code>rtmp://tv.home.arpa/live</code>');
    const other = await (await makeApp([], { publicUrl: 'https://tv.example.org/x', rtmpPort: 1936 }).get('/')).text();
    expect(other).toContain('<code>rtmp://tv.example.org:1936/live</code>');
  });

  it('ask for all that the script imports at once', async () => {
    const page = await (await makeApp([]).get('/')).text();
    expect(page).toContain('<link rel="modulepreload" href="assets/abc123/chunk-1.js">');
    expect(page).toContain('<script type="module" src="assets/abc123/home.js">');
  });

  it('show how many watch, where the node counts them', async () => {
    const stream = new FakeStream('cam');
    const describe = stream.describe.bind(stream);
    stream.describe = () => ({ ...describe(), viewers: 12 });
    const { get } = makeApp([stream]);
    for (const path of ['/', '/watch/cam'])
      expect(await (await get(path)).text()).toContain('data-viewers>12 viewers<');
  });
});
