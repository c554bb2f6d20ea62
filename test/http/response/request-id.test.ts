import { describe, expect, it } from 'vitest';
import { requestIdFrom } from '../../../src/http/response/request-id.js';
import { FakeStream } from '../../support/fake-streams.js';
import { adminToken, makeApp } from '../make-app.js';

const uuid = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;

describe('request ids', () => {
  it.each(['0191d2c8-0000-7000-8000-000000000001', '01J9Z3K5Y2M8T4V6W7X8Y9Z0AB', 'a'.repeat(128)])('takes %s', (id) => {
    expect(requestIdFrom(id)).toBe(id);
  });

  it.each([
    'short',
    'a'.repeat(129),
    'has spaces in it',
    'line\nbreaks-in-it',
    '<script>alert(1)</script>',
    '-begins-with-a-hyphen',
    '',
  ])('makes one of its own instead of %j', (id) => {
    expect(requestIdFrom(id)).toMatch(uuid);
  });

  it('answers each call of the API with one, and logs those that are to change something', async () => {
    const lines: { fields: Record<string, unknown>; message: string }[] = [];
    const note = (fields: object, message: string) =>
      void lines.push({ fields: fields as Record<string, unknown>, message });
    const { app, get } = makeApp([new FakeStream('door')], { log: { info: note, warn: note, error: note } });
    const read = await get('/api/v1/streams', { 'x-request-id': 'from-the-proxy-1' });
    expect(read.headers.get('x-request-id')).toBe('from-the-proxy-1');
    expect((await get('/api/v1/streams')).headers.get('x-request-id')).toMatch(uuid);
    expect((await get('/api/v1/nothing')).headers.get('x-request-id')).toMatch(uuid);
    expect(lines).toEqual([]);
    const headers = { authorization: `Bearer ${adminToken}`, 'x-request-id': 'from-the-proxy-2' };
    const changed = await app.fetch(
      new Request('http://localhost/api/v1/streams/door/restart', { method: 'POST', headers }),
    );
    expect(changed.headers.get('x-request-id')).toBe('from-the-proxy-2');
    expect(lines.map(({ fields }) => fields)).toEqual([
      {
        requestId: 'from-the-proxy-2',
        method: 'POST',
        path: '/api/v1/streams/door/restart',
        status: changed.status,
        stream: 'door',
      },
    ]);
    expect(JSON.stringify(lines)).not.toContain(adminToken);
  });

  it('logs what failed with its id, and answers with it', async () => {
    const metrics = { render: () => Promise.reject(new Error('broken')) };
    const { get, errors } = makeApp([], { metrics });
    const answer = await get('/metrics', { 'x-request-id': 'find-me-in-the-log' });
    expect(answer.status).toBe(500);
    expect(answer.headers.get('x-request-id')).toBe('find-me-in-the-log');
    expect(errors).toMatchObject([{ requestId: 'find-me-in-the-log', path: '/metrics' }]);
  });
});
