import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { collectSecrets, createRedactor, redactText, redactUrl } from '../../src/config/redact.js';

describe('redactUrl', () => {
  it.each([
    ['rtsp://user:pass@camera/1', 'rtsp://user:***@camera/1'],
    ['rtsp://user:pass@camera:554/1?x=1', 'rtsp://user:***@camera:554/1?x=1'],
    ['rtsp://user:@camera/1', 'rtsp://user:***@camera/1'],
    ['https://token@host/x', 'https://***@host/x'],
    ['rtsp://user:pa/ss?w#o@rd@camera/1', 'rtsp://user:***@camera/1'],
    ['rtsp://admin:12/34@camera/1', 'rtsp://admin:***@camera/1'],
    ['rtsp://user:pass@[fe80::1]:554/1', 'rtsp://user:***@[fe80::1]:554/1'],
    ['http://h/x?token=abc&a=b&PASSWORD=d', 'http://h/x?token=***&a=b&PASSWORD=***'],
    ['http://h/x?loginuse=admin&loginpas=1', 'http://h/x?loginuse=admin&loginpas=***'],
    ['http://h/x?X-Amz-Signature=ab%2F#token=b', 'http://h/x?X-Amz-Signature=***#token=***'],
    ['srt://h:9000?streamid=publish:a:b&passphrase=secret', 'srt://h:9000?streamid=***&passphrase=***'],
    ['http://h/x?%74oken=abc', 'http://h/x?%74oken=***'],
    ['http://proxy/?url=rtsp%3A%2F%2Fu%3Apw%40cam', 'http://proxy/?url=rtsp%3A%2F%2Fu%3A***%40cam'],
    ['{"url":"rtsp:\\/\\/u:pw@cam\\/1"}', '{"url":"rtsp:\\/\\/u:***@cam\\/1"}'],
  ])('%s', (text, expected) => {
    expect(redactUrl(text)).toBe(expected);
  });

  it.each([
    'https://www.example.org/@channel/live',
    'http://10.0.0.5:8080/video@1080p',
    'http://localhost:8080/a@b',
    'rtsp://camera:554/Streaming/Channels/101',
    '[rtsp @ 0x55d0c8] method DESCRIBE failed: 401 Unauthorized',
    'mail admin@example.org, at 12:30',
    'http://h/x?a=b&c',
    '',
  ])('leaves %s alone', (text) => {
    expect(redactUrl(text)).toBe(text);
  });

  it('finds URLs inside the output of ffmpeg', () => {
    const line =
      "[tcp @ 0x1] Failed; rtsp://u:hunter2@cam/1: Connection refused, then 'http://a:hunter2@b/?key=hunter2'";
    expect(redactUrl(line)).toBe(
      "[tcp @ 0x1] Failed; rtsp://u:***@cam/1: Connection refused, then 'http://a:***@b/?key=***'",
    );
  });

  it('lets no password survive, however badly it is encoded', () => {
    // What ends a URL in a text cannot belong to it.
    const password = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 30 })
      .map((text) => text.replace(/[\s"'<>`]/g, '/'))
      .filter((text) => !'***'.includes(text));
    const scheme = fc.constantFrom('rtsp', 'rtmp', 'http', 'https', 'srt', 'RTSP');
    fc.assert(
      fc.property(scheme, password, (name, secret) => {
        const marked = `<${secret}>`.slice(1, -1);
        const result = redactUrl(`opening ${name}://user:${marked}@camera/1 failed`);
        expect(result).toBe(`opening ${name}://user:***@camera/1 failed`);
      }),
      { numRuns: 2000 },
    );
  });

  it('takes any text, fast', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 2000 }), (text) => void redactUrl(text)));
    for (const piece of ['a', 'a:', '://', 'http://', '?a=', '%3A%2F%2F', '@', 'a@:', '&key'])
      redactUrl(piece.repeat(50_000));
  });
});

describe('collectSecrets and redactText', () => {
  const config = {
    admin: { token: 'admin-token-0123456789' },
    storage: { s3: { endpoint: 'http://u:endpoint-pass@minio', accessKeyId: 'AKIA1', secretAccessKey: 'a+b/c=="\\' } },
    streams: [
      { name: 'a', source: 'rtsp://user:p%40ss%20word@camera/1?token=tok%2Fen' },
      { name: 'b', source: 'admin:schemeless@camera/1' },
      { name: 'c', source: 'push', keys: ['key-one', 'key-two'] },
    ],
  };
  const secrets = collectSecrets(config);

  it.each([
    'admin-token-0123456789',
    'endpoint-pass',
    'AKIA1',
    'a+b/c=="\\',
    encodeURIComponent('a+b/c=="\\'),
    JSON.stringify('a+b/c=="\\').slice(1, -1),
    'p%40ss%20word',
    'p@ss word',
    'p%40ss+word',
    'p@ss%20word',
    'tok/en',
    'tok%2Fen',
    'tok%2fen',
    'schemeless',
    'key-one',
    'key-two',
    Buffer.from('user:p@ss word').toString('base64'),
    Buffer.from('user:p%40ss%20word').toString('base64'),
  ])('hides %s', (secret) => {
    expect(redactText(`before ${secret} after`, secrets)).toBe('before *** after');
  });

  it('keeps what is no secret', () => {
    const text = 'stream a on camera: minio says user push 1';
    expect(redactText(text, secrets)).toBe(text);
  });

  it('hides the longer of two secrets whole', () => {
    expect(redactText('abcdef', ['abc', 'abcdef'])).toBe('***');
  });

  it('hides a secret that is longer than any pattern, and others beside it', () => {
    const long = '(a|b)'.repeat(20_000);
    expect(redactText(`x ${long} y other`, ['other', long])).toBe('x *** y ***');
    expect(redactText(`x ${long} y`, [long])).toBe('x *** y');
  });

  it('does not hide secrets of one or two characters outside of URLs', () => {
    expect(redactText('a quick bar rtsp://u:a@cam', collectSecrets({ source: 'rtsp://u:a@cam' }))).toBe(
      'a quick bar rtsp://u:***@cam',
    );
  });

  it('lets no generated secret survive in any text', () => {
    const secret = fc.string({ unit: 'binary', minLength: 3, maxLength: 30 }).filter((text) => !text.includes('*'));
    const config = fc.record({
      admin: fc.record({ token: secret }),
      storage: fc.record({ s3: fc.record({ secretAccessKey: secret, sessionToken: secret }) }),
      password: secret,
    });
    fc.assert(
      fc.property(config, fc.string(), ({ admin, storage, password }, noise) => {
        const encoded = encodeURIComponent(password.replace(/\p{Surrogate}/gu, ''));
        fc.pre(encoded.length > 2);
        const source = `rtsp://user:${encoded}@camera/1`;
        const all = [
          admin.token,
          storage.s3.secretAccessKey,
          storage.s3.sessionToken,
          encoded,
          decodeURIComponent(encoded),
        ];
        const text = `${noise} ${all.map((one) => `(${one})`).join(noise)} ${source} ${noise}`;
        const redacted = createRedactor(collectSecrets({ admin, storage, streams: [{ source }] }))(text);
        for (const one of all) if (one.length > 2 && !noise.includes(one)) expect(redacted).not.toContain(`(${one})`);
      }),
      { numRuns: 500 },
    );
  });

  it('hides raw passwords of a source whatever they contain', () => {
    const password = fc
      .string({ unit: 'grapheme-ascii', minLength: 3, maxLength: 20 })
      .filter((text) => !/\*/.test(text));
    fc.assert(
      fc.property(password, (secret) => {
        const secrets = collectSecrets({ streams: [{ source: `rtsp://user:${secret}@camera/1` }] });
        expect(redactText(`[${secret}]`, secrets)).toBe('[***]');
      }),
      { numRuns: 1000 },
    );
  });
});
