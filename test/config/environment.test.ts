import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { environmentName, fieldOfName, readEnvironment } from '../../src/config/environment.js';
import { fields } from '../../src/config/parse.js';

describe('environment names', () => {
  it.each([
    [['http', 'port'], 'SIDEPIPE_HTTP_PORT'],
    [['ffmpeg', 'path'], 'SIDEPIPE_FFMPEG_PATH'],
    [['admin', 'token'], 'SIDEPIPE_ADMIN_TOKEN'],
    [['storage', 'type'], 'SIDEPIPE_STORAGE_TYPE'],
    [['storage', 's3', 'bucket'], 'SIDEPIPE_S3_BUCKET'],
    [['storage', 's3', 'accessKeyId'], 'SIDEPIPE_S3_ACCESS_KEY_ID'],
    [['storage', 's3', 'forcePathStyle'], 'SIDEPIPE_S3_FORCE_PATH_STYLE'],
    [['log', 'level'], 'SIDEPIPE_LOG_LEVEL'],
    [['streams', 0, 'thumbnail', 'intervalSeconds'], 'SIDEPIPE_STREAMS_0_THUMBNAIL_INTERVAL_SECONDS'],
  ])('%j is %s', (path, name) => {
    expect(environmentName(path)).toBe(name);
    expect(fieldOfName(name, fields)?.path).toEqual(path);
  });

  it('lead back to their setting, for every setting and position', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...fields),
        fc.array(fc.nat(999), { minLength: 2, maxLength: 2 }),
        (field, positions) => {
          let next = 0;
          const path = field.path.map((part) => (part === '*' ? (positions[next++] ?? 0) : part));
          expect(fieldOfName(environmentName(path), fields)).toEqual({ field, path });
        },
      ),
    );
  });

  it('are all different', () => {
    expect(new Set(fields.map(({ path }) => environmentName(path))).size).toBe(fields.length);
  });

  it('accepts the long form of S3 names', () => {
    expect(fieldOfName('SIDEPIPE_STORAGE_S3_BUCKET', fields)?.path).toEqual(['storage', 's3', 'bucket']);
  });
});

describe('readEnvironment', () => {
  it('takes SIDEPIPE names only, and no empty values', () => {
    const env = { PATH: '/bin', SIDEPIPE_HTTP_PORT: '81', SIDEPIPE_S3_BUCKET: '', SIDEPIPE_LOG_LEVEL: undefined };
    expect(readEnvironment(env, fields)).toEqual({
      settings: [{ path: ['http', 'port'], value: '81', origin: 'SIDEPIPE_HTTP_PORT' }],
      problems: [],
    });
  });

  it('suggests a name, also inside lists', () => {
    const env = { SIDEPIPE_HTPP_PORT: '1', SIDEPIPE_STREAMS_3_SORCE: 'x', SIDEPIPE_NOTHING_LIKE_IT: 'x' };
    expect(readEnvironment(env, fields).problems).toEqual([
      { path: 'SIDEPIPE_HTPP_PORT', message: 'unknown environment variable; did you mean SIDEPIPE_HTTP_PORT?' },
      { path: 'SIDEPIPE_NOTHING_LIKE_IT', message: 'unknown environment variable' },
      {
        path: 'SIDEPIPE_STREAMS_3_SORCE',
        message: 'unknown environment variable; did you mean SIDEPIPE_STREAMS_3_SOURCE?',
      },
    ]);
  });

  it('splits lists of plain values', () => {
    const { settings } = readEnvironment({ SIDEPIPE_STREAMS_0_THUMBNAIL_FORMATS: 'jpg, webp' }, fields);
    expect(settings[0]?.value).toEqual(['jpg', 'webp']);
  });

  it('refuses two names of one setting that disagree', () => {
    const both = { SIDEPIPE_S3_BUCKET: 'a', SIDEPIPE_STORAGE_S3_BUCKET: 'b' };
    expect(readEnvironment(both, fields).problems).toHaveLength(1);
    expect(readEnvironment({ ...both, SIDEPIPE_S3_BUCKET: 'b' }, fields).problems).toHaveLength(0);
  });

  it('passes over what Kubernetes sets for a service named sidepipe', () => {
    const env = {
      SIDEPIPE_PORT: 'tcp://10.0.0.1:8080',
      SIDEPIPE_PORT_8080_TCP: 'tcp://10.0.0.1:8080',
      SIDEPIPE_PORT_8080_TCP_ADDR: '10.0.0.1',
      SIDEPIPE_SERVICE_HOST: '10.0.0.1',
      SIDEPIPE_SERVICE_PORT_HTTP: '8080',
    };
    expect(readEnvironment(env, fields)).toEqual({ settings: [], problems: [] });
  });
});
