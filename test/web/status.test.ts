import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import {
  bytesInWords,
  decimals,
  detailFacts,
  nextAttemptInWords,
  rowNumbers,
  type Stats,
} from '../../src/web/client/status/facts.js';
import { createBody, faultsOf, patchBody, valuesOf } from '../../src/web/client/status/form-values.js';
import { adminToken, makeApp } from '../http/make-app.js';
import { FakeStream } from '../support/fake-streams.js';

const bearer = { authorization: `Bearer ${adminToken}` };

describe('/status', () => {
  it('is for who is signed in: others are sent to the login', async () => {
    const response = await makeApp([]).get('/status');
    expect([response.status, response.headers.get('location')]).toEqual([303, 'login?next=status']);
    expect((await makeApp([]).get('/status', { authorization: 'Bearer wrong' })).status).toBe(303);
  });

  it('has a row for each stream, escaped, with nothing inline, and is kept by no cache', async () => {
    const hostile = `"><script>alert(1)</script>'&`;
    const response = await makeApp([new FakeStream('cam'), new FakeStream(hostile)]).get('/status', bearer);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('content-security-policy')).toContain("script-src 'self'");
    const text = await response.text();
    expect(text).not.toMatch(/<script>|<style|\sstyle=|\son[a-z]+="/);
    const { document } = parseHTML(text);
    const rows = [...document.querySelectorAll('[data-stream]')].map((row) => row.getAttribute('data-stream'));
    expect(rows).toEqual(['cam', hostile]);
  });
});

it('gives no sign to what is rounded to nothing', () => {
  expect([decimals(-0.04, 1, ' s'), decimals(-0.06, 1, ' s'), decimals(-0.3, 0, '')]).toEqual(['0.0 s', '-0.1 s', '0']);
});

const stats: Stats = {
  ...{
    stream: 'a',
    state: 'live',
    fps: 25,
    speed: 1,
    bitrate: 2_400_000,
    keyframeIntervalSeconds: 2,
    driftSeconds: -1.25,
  },
  thumbnail: { ageSeconds: 1.4, state: 'fresh', gate: 'good', captured: 1234, dropped: 0, rejected: 2 },
  upload: { state: 'publishing', lagSeconds: 2, backlogBytes: 0, uploaded: 9, failed: 0 },
  ...{ viewers: 0, restarts: 0 },
};

describe('numbers in words', () => {
  it('say what is known, and a dash for what is not', () => {
    expect(rowNumbers(stats)).toEqual({
      ...{ fps: '25.0', bitrate: '2.4 Mbit/s', age: '1 s', upload: '2.0 s', viewers: '0', restarts: '0' },
    });
    expect(detailFacts(stats)).toMatchObject({ drift: '1.3 s ahead', captured: '1,234', keyframes: '2.00 s' });
    expect(rowNumbers({ ...stats, upload: { ...stats.upload, backlogBytes: 3 * 1024 ** 2 } })['upload']).toBe(
      '3.0 MiB',
    );
    expect(rowNumbers({ ...stats, upload: { ...stats.upload, state: 'standby' } })['upload']).toBe('standby');
    expect([bytesInWords(12), bytesInWords(2048)]).toEqual(['12 B', '2 KiB']);
  });
});

it('says when a source that is waited for is tried again', () => {
  const at = '2026-01-01T12:00:00.000Z';
  const before = (seconds: number) => nextAttemptInWords(at, Date.parse(at) - seconds * 1000);
  const time = new Date(at).toLocaleTimeString([], { hour12: false });
  expect(nextAttemptInWords(null, 0)).toBe('–');
  expect([before(-1), before(0), before(0.5), before(119), before(300)]).toEqual([
    ...['now', 'now', `at ${time}, in 1 s`, `at ${time}, in 119 s`, `at ${time}, in 5 min`],
  ]);
});

it('has a place for the time of the next attempt', async () => {
  const text = await (await makeApp([new FakeStream('cam')]).get('/status', bearer)).text();
  expect(text).toContain('<dt>Next attempt</dt><dd data-fact="next">');
});

describe('the form of a stream', () => {
  const before = valuesOf('cam', { source: 'rtsp://***@camera/1', audio: 'copy', thumbnail: { intervalSeconds: 5 } });

  it('sends what was filled in, numbers as numbers, and what is no number as it is', () => {
    const values = {
      name: 'cam',
      kind: 'test',
      source: '',
      audio: 'aac',
      'thumbnail.intervalSeconds': 'soon',
      'hls.segmentSeconds': '2',
    };
    expect(createBody({ ...values, more: '{"hls": {"windowSegments": 8}}' })).toEqual({
      ...{ name: 'cam', source: 'test', audio: 'aac', thumbnail: { intervalSeconds: 'soon' } },
      hls: { segmentSeconds: 2, windowSegments: 8 },
    });
    expect(() => createBody({ ...values, more: '[]' })).toThrow(SyntaxError);
    expect(() => createBody({ ...values, more: '{' })).toThrow(SyntaxError);
  });

  it('changes only what was changed: a masked source is never sent back', () => {
    expect(before).toMatchObject({ kind: 'url', 'thumbnail.intervalSeconds': '5' });
    expect(patchBody({ ...before, audio: 'none' }, before)).toEqual({ audio: 'none' });
    expect(patchBody({ ...before, 'thumbnail.intervalSeconds': '' }, before)).toEqual({
      thumbnail: { intervalSeconds: null },
    });
  });

  it('shows each problem at its field, and says where others are', () => {
    const errors = [
      { path: 'name', message: 'wrong' },
      { path: 'preview.frames', message: 'too many' },
    ];
    const problem = { code: 'request-invalid', detail: 'both', errors };
    expect(faultsOf(problem, ['name', 'more'], true)).toEqual([
      { field: 'name', message: 'wrong' },
      { field: 'more', message: 'preview.frames: too many' },
    ]);
    expect(faultsOf(problem, ['name'], false)[1]).toEqual({ field: undefined, message: 'preview.frames: too many' });
    const empty = [{ path: 'name', message: 'expected lowercase letters, got an empty string' }];
    expect(faultsOf({ ...problem, errors: empty }, ['name'], false)).toEqual([{ field: 'name', message: 'Required.' }]);
    expect(faultsOf({ code: 'stream-exists', detail: 'taken' }, ['name'], false)).toEqual([
      { field: 'name', message: 'taken' },
    ]);
  });
});
