import type { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import type { AccessSettings } from '../../../src/http/access/access.js';
import { FakeStream, playlistOf } from '../../support/fake-streams.js';
import { makeApp, problemIn } from '../make-app.js';

function appWith(access: AccessSettings, now = () => 1_800_000_000_000): Hono {
  const stream = new FakeStream('cam');
  stream.multivariant = playlistOf('#EXTM3U\n');
  return makeApp([stream], { access, now }).app;
}

/** A request over a connection. */
function ask(
  app: Hono,
  path: string,
  options: { address?: string; method?: string; headers?: Record<string, string> },
) {
  const { address = '192.0.2.1', method = 'GET', headers = {} } = options;
  const env = { incoming: { socket: { remoteAddress: address } } };
  return app.fetch(new Request(`http://node.example${path}`, { method, headers }), env);
}

describe('the limit of calls', () => {
  it('says what is left, then refuses, and begins anew', async () => {
    let now = 1_800_000_000_000;
    const app = appWith({ apiPerMinute: 2 }, () => now);
    const call = (address?: string) => ask(app, '/api/v1/streams', { ...(address && { address }) });
    const first = await call();
    expect(first.status).toBe(200);
    expect(first.headers.get('ratelimit-policy')).toBe('"api";q=2;w=60');
    expect(first.headers.get('ratelimit')).toBe('"api";r=1;t=60');
    now += 20_000;
    expect((await call()).headers.get('ratelimit')).toBe('"api";r=0;t=40');
    const refused = await call();
    expect(refused.headers.get('retry-after')).toBe('40');
    expect(refused.headers.get('ratelimit')).toBe('"api";r=0;t=40');
    expect(await problemIn(refused)).toMatchObject({ status: 429, code: 'too-many-requests' });
    expect((await call('192.0.2.2')).status).toBe(200);
    now += 40_000;
    expect((await call()).status).toBe(200);
  });

  it('is of whom a trusted proxy names, and of nobody else', async () => {
    const app = appWith({ apiPerMinute: 1, trustedProxies: ['10.0.0.0/8'] });
    const by = (address: string, client: string) =>
      ask(app, '/api/v1/streams', { address, headers: { 'x-forwarded-for': client } });
    expect((await by('10.0.0.1', '203.0.113.1')).status).toBe(200);
    expect((await by('10.0.0.1', '203.0.113.2')).status).toBe(200);
    expect((await by('10.0.0.1', '203.0.113.1')).status).toBe(429);
    expect((await by('192.0.2.1', '203.0.113.3')).status).toBe(200);
    expect((await by('192.0.2.1', '203.0.113.4')).status).toBe(429);
  });

  it('is not for playback', async () => {
    const app = appWith({ apiPerMinute: 1 });
    for (let each = 0; each < 3; each += 1) {
      const answer = await ask(app, '/live/cam/index.m3u8', {});
      expect([answer.status, answer.headers.get('ratelimit')]).toEqual([200, null]);
    }
  });
});

describe('origins', () => {
  const site = 'https://www.example.org';
  const allowed = async (app: Hono, path: string, origin?: string) => {
    const { headers } = await ask(app, path, { headers: origin === undefined ? {} : { origin } });
    return [headers.get('access-control-allow-origin'), headers.get('vary')?.includes('Origin') === true];
  };

  it('are all allowed unless told', async () => {
    expect(await allowed(appWith({}), '/live/cam/index.m3u8', site)).toEqual(['*', false]);
  });

  it('are those that are named', async () => {
    const app = appWith({ corsOrigins: [site] });
    for (const path of ['/live/cam/index.m3u8', '/live/cam/nothing', '/api/v1/streams']) {
      expect(await allowed(app, path, site), path).toEqual([site, true]);
      expect(await allowed(app, path, 'https://evil.example'), path).toEqual([null, true]);
      expect(await allowed(app, path), path).toEqual([null, true]);
    }
    expect(await allowed(app, '/healthz', site)).toEqual([null, false]);
  });

  it('that are named may call with the token too', async () => {
    const app = appWith({ corsOrigins: [site] });
    const preflight = async (origin: string) =>
      (await ask(app, '/api/v1/streams/cam/snapshot', { method: 'OPTIONS', headers: { origin } })).headers;
    const good = await preflight(site);
    expect(good.get('access-control-allow-methods')).toContain('POST');
    expect(good.get('access-control-allow-headers')).toContain('Authorization');
    expect((await preflight('https://evil.example')).get('access-control-allow-origin')).toBeNull();
  });

  it('can be none', async () => {
    const app = appWith({ corsOrigins: [] });
    const answer = await ask(app, '/live/cam/index.m3u8', { headers: { origin: site } });
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
    expect(answer.headers.get('cross-origin-resource-policy')).toBe('same-origin');
  });
});
