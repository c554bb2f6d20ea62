import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AdminOptions, type AdminRequest, createAdmin } from '../../../src/http/access/auth.js';
import type { Client } from '../../../src/http/access/client.js';
import { createSessions } from '../../../src/http/access/sessions.js';

const token = 'the-right-token-of-all';
const right = `Bearer ${token}`;
const now = 1_800_000_000_000;
const client: Client = { address: '192.0.2.1', scheme: 'http', host: 'node.example:8080' };

function admin(options: Partial<AdminOptions> = {}) {
  return createAdmin({ token, sessions: createSessions(), ...options });
}

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly client?: Partial<Client>;
  readonly now?: number;
}

function request(asked: Asked = {}): AdminRequest {
  const { method = 'GET', headers = {} } = asked;
  return {
    method,
    header: (name) => headers[name],
    client: { ...client, ...asked.client },
    now: asked.now ?? now,
  };
}

const bearer = (authorization: string | undefined, address = '192.0.2.1', at = now) =>
  request({ headers: { authorization }, client: { address }, now: at });

describe('the bearer token', () => {
  it('passes in any case of the scheme', () => {
    for (const authorization of [right, `bearer ${token}`, `BEARER   ${token} `]) {
      expect(admin().refusal(bearer(authorization))).toBeUndefined();
    }
  });

  it('is not what is sent in its place, and the answer says how to ask', () => {
    const guard = admin({ failures: 1000 });
    for (const authorization of [
      undefined,
      '',
      token,
      `Basic ${token}`,
      `Bearer ${token}x`,
      `Bearer ${token.slice(1)}`,
    ]) {
      const problem = guard.refusal(bearer(authorization));
      expect(problem?.status).toBe(401);
      expect(problem?.headers?.['www-authenticate']).toContain('Bearer');
      expect(problem?.detail).not.toContain(token);
    }
  });

  it('is never what only looks alike', () => {
    const guard = admin({ failures: Number.POSITIVE_INFINITY });
    fc.assert(
      fc.property(fc.string(), (text) => {
        fc.pre(text.trim() !== token);
        expect(guard.refusal(bearer(`Bearer ${text}`))?.status).toBe(401);
      }),
    );
  });

  it('does not help a guesser until the window is over', () => {
    const seen: unknown[] = [];
    const guard = admin({ failures: 3, windowMs: 60_000, onWrongToken: (address) => seen.push(address) });
    for (let each = 0; each < 3; each += 1) guard.refusal(bearer('Bearer wrong'));
    const refused = guard.refusal(bearer(right, '192.0.2.1', now + 1000));
    expect(refused?.status).toBe(429);
    expect(refused?.headers?.['retry-after']).toBe('59');
    expect(guard.refusal(bearer(right, '192.0.2.2'))).toBeUndefined();
    expect(guard.refusal(bearer(right, '::ffff:192.0.2.1'))?.status).toBe(429);
    expect(guard.refusal(bearer(right, '192.0.2.1', now + 60_000))).toBeUndefined();
    expect(guard.remembered).toBe(0);
    expect(seen).toEqual(['192.0.2.1', '192.0.2.1', '192.0.2.1']);
  });

  it('is not guessed by who asks without one', () => {
    const guard = admin({ failures: 1 });
    for (let each = 0; each < 5; each += 1) guard.refusal(bearer(undefined));
    expect(guard.refusal(bearer(right))).toBeUndefined();
  });

  it('counts an IPv6 network as one address', () => {
    const guard = admin({ failures: 2 });
    for (const last of [1, 2]) guard.refusal(bearer('Bearer no', `2001:db8:1:2::${last}`));
    expect(guard.refusal(bearer(right, '2001:0db8:1:2:3::9'))?.status).toBe(429);
    expect(guard.refusal(bearer(right, '2001:db8:1:3::1'))).toBeUndefined();
  });

  it('is guessed by a bounded number of remembered addresses', () => {
    const guard = admin({ remembered: 50 });
    for (let each = 0; each < 500; each += 1) guard.refusal(bearer('Bearer no', `10.0.${each >> 8}.${each & 255}`));
    expect(guard.remembered).toBe(50);
  });
});

describe('a login', () => {
  const sameOrigin = { origin: 'http://node.example:8080' };

  function signIn(guard: ReturnType<typeof admin>, asked: Asked = {}): string {
    const result = guard.login(token, request({ method: 'POST', headers: sameOrigin, ...asked }));
    if (!('cookie' in result)) throw new Error(`refused: ${result.problem.code}`);
    return result.cookie;
  }

  const valueIn = (cookie: string) => cookie.slice(0, cookie.indexOf(';'));

  it('gives a cookie that scripts, other sites and plain HTTP do not get', () => {
    expect(signIn(admin())).toMatch(/^sidepipe=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/);
    const secure = signIn(admin(), {
      headers: { origin: 'https://live.example' },
      client: { scheme: 'https', host: 'live.example' },
    });
    expect(secure).toMatch(/^__Host-sidepipe=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict; Secure$/);
  });

  it('is known to be under TLS by the public URL too', () => {
    const guard = admin({ publicUrl: 'https://live.example' });
    const cookie = signIn(guard, { headers: { origin: 'https://live.example' }, client: { host: 'live.example' } });
    expect(cookie).toContain('__Host-');
    expect(signIn(guard)).not.toContain('Secure');
  });

  it('lets read and, from the own pages only, change', () => {
    const guard = admin();
    const cookie = `theme=dark; ${valueIn(signIn(guard))}`;
    expect(guard.refusal(request({ headers: { cookie } }))).toBeUndefined();
    const post = (headers: Record<string, string>) =>
      guard.refusal(request({ method: 'POST', headers: { cookie, ...headers } }))?.code;
    expect(post(sameOrigin)).toBeUndefined();
    expect(post({ 'sec-fetch-site': 'same-origin' })).toBeUndefined();
    expect(post({})).toBe('cross-site');
    expect(post({ origin: 'http://evil.example' })).toBe('cross-site');
    expect(post({ origin: 'null' })).toBe('cross-site');
    expect(post({ ...sameOrigin, 'sec-fetch-site': 'same-site' })).toBe('cross-site');
    expect(post({ ...sameOrigin, 'sec-fetch-site': 'cross-site' })).toBe('cross-site');
    for (const method of ['PUT', 'PATCH', 'DELETE']) {
      expect(guard.refusal(request({ method, headers: { cookie } }))?.code).toBe('cross-site');
    }
  });

  it('does not take a cookie without the prefix over TLS', () => {
    const guard = admin();
    const cookie = valueIn(signIn(guard));
    expect(guard.refusal(request({ headers: { cookie }, client: { scheme: 'https' } }))?.status).toBe(401);
  });

  it('ends with its time, and with the logout', () => {
    const guard = admin();
    const cookie = valueIn(signIn(guard));
    expect(guard.refusal(request({ headers: { cookie }, now: now + 12 * 3_600_000 }))?.status).toBe(401);
    const again = valueIn(signIn(guard));
    const result = guard.logout(request({ method: 'POST', headers: { cookie: again, ...sameOrigin } }));
    expect('cookie' in result && result.cookie).toMatch(/^sidepipe=; Path=\/; Max-Age=0;/);
    expect(guard.refusal(request({ headers: { cookie: again } }))?.status).toBe(401);
  });

  it('is not to be had from another site, nor ended from there', () => {
    const guard = admin();
    const cookie = valueIn(signIn(guard));
    const foreign = request({ method: 'POST', headers: { cookie, origin: 'http://evil.example' } });
    expect(guard.login(token, foreign)).toMatchObject({ problem: { code: 'cross-site' } });
    expect(guard.logout(foreign)).toMatchObject({ problem: { code: 'cross-site' } });
    expect(guard.refusal(request({ headers: { cookie } }))).toBeUndefined();
  });

  it('shares its guesses with the bearer token', () => {
    const guard = admin({ failures: 3 });
    const post = request({ method: 'POST', headers: sameOrigin });
    for (let each = 0; each < 3; each += 1) guard.login('no', post);
    expect(guard.login(token, post)).toMatchObject({ problem: { status: 429 } });
    expect(guard.refusal(bearer(right))?.status).toBe(429);
  });

  it('keeps a session through the guesses of a neighbour behind the same address', () => {
    const guard = admin({ failures: 1 });
    const cookie = valueIn(signIn(guard));
    guard.refusal(bearer('Bearer no'));
    expect(guard.refusal(request({ headers: { cookie } }))).toBeUndefined();
  });
});
