import { describe, expect, it } from 'vitest';
import { SidepipeError } from '../../src/errors.js';
import type { SnapshotOptions } from '../../src/stream/live-stream.js';
import { FakeStream } from '../support/fake-streams.js';
import { adminToken, makeApp, problemIn } from './make-app.js';

const authorization = `Bearer ${adminToken}`;
const capturedAt = Date.UTC(2027, 0, 2, 3, 4, 5, 6);

function makeDoor(answer?: FakeStream['snapshotOf']) {
  const door = new FakeStream('door');
  const asked: SnapshotOptions[] = [];
  door.snapshotOf = (options) => {
    asked.push(options);
    return (
      answer?.(options) ?? { body: Buffer.from('jpeg'), contentType: 'image/jpeg', width: 4, height: 2, capturedAt }
    );
  };
  const { app, errors } = makeApp([door]);
  const post = async (path: string, headers: Record<string, string> = { authorization }) =>
    app.request(path, { method: 'POST', headers });
  return { asked, errors, post };
}

const failing = (code: SidepipeError['code'], fault: SidepipeError['fault']) => () => {
  throw new SidepipeError('In words.', { code, fault });
};

describe('POST /api/v1/streams/{stream}/snapshot', () => {
  it('answers the picture, and says when it was taken', async () => {
    const { post, asked } = makeDoor();
    const response = await post('/api/v1/streams/door/snapshot?format=webp&quality=70');
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('jpeg');
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'image/jpeg',
      'content-length': '4',
      'cache-control': 'no-store',
      'sidepipe-captured-at': '2027-01-02T03:04:05.006Z',
      'sidepipe-image-state': 'fresh',
      'sidepipe-image-size': '4x2',
      'content-disposition': 'inline; filename="door-20270102T030405.006Z.webp"',
    });
    expect(asked).toMatchObject([{ format: 'webp', quality: 70 }]);
    await post('/api/v1/streams/door/snapshot');
    expect(asked[1]).toMatchObject({ format: 'jpg', quality: 90 });
  });

  it('asks for the token first', async () => {
    const { post, asked } = makeDoor();
    for (const path of ['/api/v1/streams/door/snapshot', '/api/v1/streams/none/snapshot']) {
      const response = await post(path, {});
      expect(response.headers.get('www-authenticate')).toContain('Bearer');
      expect((await problemIn(response)).status).toBe(401);
    }
    expect((await post('/api/v1/streams/door/snapshot', { authorization: 'Bearer not-this-one' })).status).toBe(401);
    expect(asked).toEqual([]);
  });

  it('is a POST', async () => {
    const { app } = makeApp([new FakeStream('door')]);
    const response = await app.request('/api/v1/streams/door/snapshot', { headers: { authorization } });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toContain('POST');
  });

  it.each([
    ['?format=bmp', 'format'],
    ['?quality=0', 'quality'],
    ['?quality=101', 'quality'],
    ['?quality=1e1', 'quality'],
  ])('names what is wrong with %s', async (query, field) => {
    const { post, asked } = makeDoor();
    const problem = await problemIn(await post(`/api/v1/streams/door/snapshot${query}`));
    expect(problem).toMatchObject({ status: 400, field });
    expect(asked).toEqual([]);
  });

  it('knows its streams', async () => {
    const { post } = makeDoor();
    expect(await problemIn(await post('/api/v1/streams/none/snapshot'))).toMatchObject({
      status: 404,
      field: 'stream',
    });
  });

  it.each([
    ['limit-reached', 'caller', 429],
    ['source-unavailable', 'source', 503],
    ['frame-invalid', 'source', 503],
    ['source-unsupported', 'node', 501],
  ] as const)('tells %s in words', async (code, fault, status) => {
    const { post, errors } = makeDoor(failing(code, fault));
    const problem = await problemIn(await post('/api/v1/streams/door/snapshot'));
    expect(problem).toMatchObject({ status, detail: 'In words.' });
    expect(errors).toEqual([]);
  });

  it('keeps its own failures to itself', async () => {
    const { post, errors } = makeDoor(failing('image-failed', 'node'));
    const problem = await problemIn(await post('/api/v1/streams/door/snapshot'));
    expect(problem.status).toBe(500);
    expect(problem.detail).not.toContain('In words');
    expect(errors).toHaveLength(1);
  });
});
