import { describe, expect, it } from 'vitest';
import { FakeStream } from '../support/fake-streams.js';
import { adminToken, makeApp } from './make-app.js';

/** Words that only operators may read: they name hosts, networks and which credentials were rejected. */
const planted = ['camera-7.intern', 'rejected the username', 'bucket-of-mine', 'another node wrote', 'no /dev/dri'];

function failedStream(): FakeStream {
  const stream = new FakeStream('cam');
  stream.state = 'failed';
  stream.reason = { code: 'source-refused', message: 'camera-7.intern rejected the username or password' };
  stream.whyNotReady = { reason: 'failed', detail: 'camera-7.intern rejected the username or password' };
  const describeAsIs = stream.describe.bind(stream);
  stream.describe = () => {
    const description = describeAsIs();
    const rendition = { name: 'low', video: 'encode', encoder: 'libx264', encoderReason: 'no /dev/dri' } as const;
    const numbers = { segments: 0, mediaSequence: 0, bandwidth: null, codecs: null, resolution: null, frameRate: null };
    return {
      ...description,
      source: {
        kind: 'rtsp',
        url: 'rtsp://viewer:***@camera-7.intern/1',
        warnings: [{ code: 'rotated', message: 'turned', remedy: 'ask the owner of camera-7.intern' }],
      },
      hls: { ...description.hls, renditions: [{ ...rendition, ...numbers }] },
      storage: { ...description.storage, store: 's3://bucket-of-mine/live', lastError: 'another node wrote cam' },
    };
  };
  return stream;
}

const open = [
  '/',
  '/watch/cam',
  '/embed/cam',
  '/oembed?url=http%3A%2F%2Flocalhost%2Fwatch%2Fcam',
  '/api/v1/streams',
  '/api/v1/streams/cam',
  '/api/v1/streams/cam/stills',
  '/readyz',
  '/readyz?streams=all',
  '/healthz',
  '/live/cam/index.m3u8',
  '/live/cam/source/index.m3u8',
  '/live/cam/source/1.ts',
];

describe('a viewer of a failed stream', () => {
  it.each(open)('reads nothing that is for operators at %s', async (path) => {
    const response = await makeApp([failedStream()]).get(path, { accept: 'text/html' });
    const seen = [await response.text(), ...response.headers.values()].join('\n');
    for (const words of planted) expect(seen).not.toContain(words);
  });

  it.each(['/', '/watch/cam', '/embed/cam'])('reads "Offline" at %s', async (path) => {
    const page = await (await makeApp([failedStream()]).get(path)).text();
    expect(page).toContain('Offline');
    expect(page).not.toMatch(/>Failed<|cannot open the source/);
  });

  it('gets null in the API where operators get reasons, and caches keep the two apart', async () => {
    const response = await makeApp([failedStream()]).get('/api/v1/streams/cam');
    expect(response.headers.get('vary')).toBe('Authorization, Cookie');
    expect(await response.json()).toMatchObject({
      state: 'failed',
      reason: null,
      source: { kind: 'rtsp', url: null, warnings: [] },
      storage: { store: null, lastError: null },
    });
  });
});

describe('an operator', () => {
  const authorization = `Bearer ${adminToken}`;

  it('reads why the stream failed, on the pages and in the API', async () => {
    const { get } = makeApp([failedStream()]);
    for (const path of ['/', '/watch/cam', '/api/v1/streams', '/api/v1/streams/cam']) {
      expect(await (await get(path, { authorization })).text(), path).toContain('rejected the username');
    }
    const described = await (await get('/api/v1/streams/cam', { authorization })).text();
    for (const words of planted) expect(described).toContain(words);
  });

  it.each(['/', '/watch/cam'])('gets a page that no cache keeps: %s', async (path) => {
    const { get } = makeApp([failedStream()]);
    expect((await get(path, { authorization })).headers.get('cache-control')).toBe('no-store');
    expect((await get(path)).headers.get('cache-control')).toBe('no-cache');
  });
});
