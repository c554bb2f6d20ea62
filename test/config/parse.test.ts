import { describe, expect, it } from 'vitest';
import { ensureAdminToken, tokenNotice } from '../../src/config/admin-token.js';
import { checkConfig, fields, parseConfig } from '../../src/config/parse.js';
import { formatPath } from '../../src/config/problems.js';
import { closest } from '../../src/config/suggest.js';

describe('parseConfig', () => {
  it('fills in the defaults', () => {
    expect(parseConfig({ streams: [{ name: 'a', source: 'test' }] }).streams[0]).toMatchObject({
      audio: 'auto',
      hls: { segmentSeconds: 2, windowSegments: 6, container: 'mpegts' },
      thumbnail: { intervalSeconds: 5, width: 1280, quality: 80, formats: ['jpg'] },
    });
  });

  it('takes its own result again', () => {
    const config = parseConfig({ storage: { type: 's3', s3: { bucket: 'b', prefix: 'x' } } });
    expect(parseConfig(config)).toEqual(config);
  });

  it('names the decode modes there are where a configuration still has the one that was removed', () => {
    const input = { streams: [{ name: 'a', source: 'test', thumbnail: { decode: 'chosen' } }] };
    expect(() => parseConfig(input)).toThrow(
      'streams[0].thumbnail.decode: expected auto, keyframes or references, got "chosen"',
    );
  });

  it.each([[[]], ['text'], [1]])('refuses %j', (input) => {
    expect(() => parseConfig(input)).toThrow(/expected a mapping/);
  });

  it.each(['10/8', '10.1/16', '010.0.0.0/8', '0x0a.0.0.0/8', '10.0.0.0/33', 'camera', '10.0.0.1-10.0.0.9'])(
    'takes no network that could be read as another: %s',
    (network) => {
      for (const name of ['allow', 'deny']) {
        const input = { api: { sources: { networks: { [name]: ['192.168.0.0/16', 'fd00::/8', '::1', network] } } } };
        expect(() => parseConfig(input)).toThrow(`api.sources.networks.${name}[3]: expected an address or a network`);
      }
      expect(() => parseConfig({ http: { trustedProxies: ['10.0.0.1', network] } })).toThrow(/trustedProxies\[1\]/);
    },
  );

  it('does not change what it is given', () => {
    const input = Object.freeze({
      http: Object.freeze({ port: 'x' }),
      streams: Object.freeze([Object.freeze({ name: 'A' })]),
    });
    expect(() => parseConfig(input)).toThrow(/3 problems/);
  });

  it('knows which settings are secret', () => {
    const names = fields.filter(({ secret }) => secret).map(({ path }) => path.join('.'));
    expect(names).toEqual([
      'rtmps.key',
      'webrtc.iceServers.*.credential',
      'admin.token',
      'storage.s3.accessKeyId',
      'storage.s3.secretAccessKey',
      'storage.s3.sessionToken',
      'storage.s3.kmsKeyId',
      'storage.fallback.s3.accessKeyId',
      'storage.fallback.s3.secretAccessKey',
      'storage.fallback.s3.sessionToken',
      'storage.fallback.s3.kmsKeyId',
      'alerts.webhooks.*.secret',
      'telemetry.otlp.headers',
      'playback.keys.*.secret',
      'streams.*.srt.passphrase',
      'streams.*.srt.streamId',
      'streams.*.keys',
      'streams.*.playback.keys.*.secret',
    ]);
  });
});

describe('ensureAdminToken', () => {
  it('generates a token for a configuration without one, another each time', () => {
    const [one, two] = [ensureAdminToken(parseConfig({})), ensureAdminToken(parseConfig({}))];
    expect(one.config.admin.token).toMatch(/^[\w-]{32}$/);
    expect(one.generated).toBe(one.config.admin.token);
    expect(one.generated).not.toBe(two.generated);
    expect(() => parseConfig(one.config)).not.toThrow();
  });

  it('keeps the token of the configuration', () => {
    const config = parseConfig({ admin: { token: '0123456789abcdef' } });
    expect(ensureAdminToken(config)).toEqual({ config });
  });

  it('shows a generated token on a terminal only', () => {
    expect(tokenNotice('a-generated-token', true)).toBe(
      'Admin token for this run: a-generated-token\nTo use a fixed token, set admin.token or SIDEPIPE_ADMIN_TOKEN.',
    );
    expect(tokenNotice('a-generated-token', false)).not.toContain('a-generated-token');
    expect(tokenNotice('a-generated-token', false)).toContain('SIDEPIPE_ADMIN_TOKEN');
  });
});

describe('formatPath', () => {
  it.each([
    [[], ''],
    [['streams', 0, 'thumbnail', 'intervalSeconds'], 'streams[0].thumbnail.intervalSeconds'],
    [['http', 'odd name'], 'http["odd name"]'],
    [['http', 'rtsp://u:pw@c'], 'http["rtsp://u:***@c"]'],
  ])('%j', (path, text) => {
    expect(formatPath(path)).toBe(text);
  });
});

describe('closest', () => {
  const names = ['segmentSeconds', 'windowSegments', 'container'];
  it.each([
    ['segment_seconds', 'segmentSeconds'],
    ['segmentsecond', 'segmentSeconds'],
    ['contianer', 'container'],
    ['x', undefined],
    ['cleanup', undefined],
  ])('%s: %s', (word, expected) => {
    expect(closest(word, names)).toBe(expected);
  });
});

describe('addresses that paths are put behind', () => {
  it.each([
    ['https://live.example.org/tv//', 'https://live.example.org/tv'],
    ['HTTPS://Live.example.org:443', 'https://live.example.org'],
    ['https://例え.jp/é', 'https://xn--r8jz45g.jp/%C3%A9'],
  ])('%s goes over the wire as %s', (publicUrl, written) => {
    expect(parseConfig({ http: { publicUrl } }).http.publicUrl).toBe(written);
  });

  it.each(['https://user:hidden@h/', 'https://hidden@h', 'https://h/?token=hidden', 'https://h/#token=hidden'])(
    'refuses %s without its secret',
    (publicUrl) => {
      const { findings } = checkConfig({ http: { publicUrl } });
      expect(findings).toMatchObject([
        { path: ['http', 'publicUrl'], message: expect.stringMatching(/^expected a URL /) },
      ]);
      expect(JSON.stringify(findings)).not.toContain('hidden');
    },
  );
});
