import type { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { FakeStream, pictureOf, playlistOf } from '../../support/fake-streams.js';
import { adminToken, makeApp } from '../make-app.js';

const origin = 'http://node.example';
const key = { id: 'k1', secret: 'a-secret-of-at-least-32-characters' };

function app(): Hono {
  const door = new FakeStream('door');
  door.playbackKeys = [key];
  door.multivariant = playlistOf('#EXTM3U\n');
  door.pictures.set('jpg', pictureOf(Buffer.from('picture')));
  door.thumbnailFacts = { placeholder: 'its-placeholder' };
  return makeApp([door, new FakeStream('open')]).app;
}

interface Asked {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly form?: Record<string, string>;
  readonly address?: string;
}

async function ask(on: Hono, path: string, { method, headers = {}, form, address = '192.0.2.1' }: Asked = {}) {
  const request = new Request(`${origin}${path}`, {
    method: method ?? (form === undefined ? 'GET' : 'POST'),
    headers: { accept: 'text/html', host: 'node.example', ...headers },
    ...(form && { body: new URLSearchParams(form) }),
  });
  return on.fetch(request, { incoming: { socket: { remoteAddress: address } } });
}

const signIn = (on: Hono, form: Record<string, string>, headers: Record<string, string> = { origin }) =>
  ask(on, '/login', { form, headers });

async function cookieOf(on: Hono): Promise<string> {
  const answer = await signIn(on, { token: adminToken });
  return (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
}

describe('the login', () => {
  it('is a page whose form goes to the node alone', async () => {
    const answer = await ask(app(), '/login?next=status');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-security-policy')).toMatch(/form-action 'self'.*frame-ancestors 'none'/);
    const text = await answer.text();
    expect(text).toContain('name="next" value="status"');
    expect(text).toMatch(/<form [^>]*method="post" action="login"/);
    expect(text).not.toMatch(/<script(?![^>]*src=)|onclick|style="/);
  });

  it('takes the token, gives a cookie and goes on', async () => {
    const answer = await signIn(app(), { token: adminToken, next: 'status' });
    expect([answer.status, answer.headers.get('location')]).toEqual([303, 'status']);
    expect(answer.headers.get('set-cookie')).toMatch(/^sidepipe=[\w-]{43}; Path=\/; .*HttpOnly; SameSite=Strict/);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it.each([
    'https://evil.example',
    '//evil.example',
    '/\\evil.example',
    'javascript:alert(1)',
    '../x',
    'a?b',
    'a\r\nset-cookie: x=1',
  ])('does not go on to %j', async (next) => {
    const answer = await signIn(app(), { token: adminToken, next });
    expect([answer.status, answer.headers.get('location')]).toEqual([303, './']);
  });

  it('refuses another token, other sites, and who tries too often', async () => {
    const on = app();
    const wrong = await signIn(on, { token: 'hunter2-of-mine' });
    expect([wrong.status, wrong.headers.get('set-cookie')]).toEqual([401, null]);
    expect(await wrong.text()).not.toContain('hunter2');
    expect((await signIn(on, { token: adminToken }, { origin: 'http://evil.example' })).status).toBe(403);
    expect((await signIn(on, { token: adminToken }, {})).status).toBe(403);
    for (let each = 0; each < 9; each += 1) await signIn(on, { token: 'no' });
    const refused = await signIn(on, { token: adminToken });
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '60']);
  });

  it.each([
    ['too large a form', { form: { token: 'x'.repeat(100_000) }, headers: { origin } }, 413],
    ['JSON', { method: 'POST', headers: { origin, 'content-type': 'application/json' } }, 415],
    ['nothing', { form: {}, headers: { origin } }, 401],
  ])('refuses %s', async (_what, asked, status) => {
    expect((await ask(app(), '/login', asked)).status).toBe(status);
  });

  it('ends with the logout, which other sites cannot ask for', async () => {
    const on = app();
    const cookie = await cookieOf(on);
    const guarded = (headers: Record<string, string>) => ask(on, '/watch/door', { headers });
    expect((await guarded({ cookie })).status).toBe(200);
    expect(
      (await ask(on, '/logout', { method: 'POST', headers: { cookie, origin: 'http://evil.example' } })).status,
    ).toBe(403);
    expect((await guarded({ cookie })).status).toBe(200);
    const out = await ask(on, '/logout', { method: 'POST', headers: { cookie, origin } });
    expect(out.headers.get('set-cookie')).toMatch(/^sidepipe=; Path=\/; Max-Age=0/);
    expect((await guarded({ cookie })).status).toBe(403);
  });
});

describe('pages of a stream that is not open to everyone', () => {
  it('show others that it is there, and nothing of it', async () => {
    const on = app();
    const home = await (await ask(on, '/')).text();
    expect(home).toContain('Private stream');
    expect(home).not.toMatch(/live\/door\/thumbnail|its-placeholder|token=/);
    expect(home).toContain('live/open/thumbnail');
    for (const path of ['/watch/door', '/embed/door']) {
      const answer = await ask(on, path);
      const text = await answer.text();
      expect([path, answer.status]).toEqual([path, 403]);
      expect(text).not.toMatch(/live\/door|its-placeholder/);
    }
  });

  it('sign for the admin what they load, for nobody’s cache', async () => {
    const on = app();
    const cookie = await cookieOf(on);
    for (const path of ['/', '/watch/door', '/embed/door']) {
      const answer = await ask(on, path, { headers: { cookie } });
      expect([path, answer.status, answer.headers.get('cache-control')]).toEqual([path, 200, 'no-store']);
      const text = await answer.text();
      const addresses = [...text.matchAll(/live\/door\/[^"&\s]+/g)].map(([each]) => each);
      expect(addresses.length, path).toBeGreaterThan(0);
      for (const each of addresses) expect(each).toMatch(/\?token=k1\.\d+\.[\w-]{43}$/);
      const [address] = addresses;
      expect((await ask(on, `/${address}`)).status).toBe(200);
    }
  });

  it('pass on the signature of their own address', async () => {
    const on = app();
    const page = await (await ask(on, '/watch/door', { headers: { cookie: await cookieOf(on) } })).text();
    const [, token = ''] = /watch\/door\?token=([\w.-]+)/.exec(page) ?? [];
    for (const path of ['/watch/door', '/embed/door']) {
      const answer = await ask(on, `${path}?token=${token}`);
      expect([path, answer.status]).toEqual([path, 200]);
      expect(await answer.text()).toContain(`live/door/index.m3u8?token=${token}`);
      expect((await ask(on, `${path}?token=${token}x`)).status).toBe(403);
    }
  });
});

it('lets a login pass where the bearer token does, from the own pages only', async () => {
  const { app: on } = makeApp([new FakeStream('open')]);
  const cookie = await cookieOf(on);
  const snapshot = (headers: Record<string, string>) =>
    ask(on, '/api/v1/streams/open/snapshot?format=bmp', { method: 'POST', headers: { cookie, ...headers } });
  expect((await snapshot({ origin })).status).toBe(400);
  expect((await snapshot({ origin: 'http://evil.example' })).status).toBe(403);
  expect((await snapshot({})).status).toBe(403);
});
