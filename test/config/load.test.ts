import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ConfigFlags } from '../../src/config/flags.js';
import { loadConfig } from '../../src/config/load.js';
import type { ConfigProblem } from '../../src/config/problems.js';
import { SidepipeError } from '../../src/errors.js';

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'sidepipe-config-'));
});
afterEach(() => rm(cwd, { recursive: true }));

interface Given {
  readonly yaml?: string | Uint8Array;
  readonly env?: Record<string, string>;
  readonly flags?: ConfigFlags;
  readonly file?: string;
}

async function load({ yaml, env = {}, flags = {}, file }: Given) {
  if (yaml !== undefined) await writeFile(join(cwd, 'sidepipe.yaml'), yaml);
  return loadConfig({ env, flags, cwd, ...(file === undefined ? {} : { file }) });
}

async function problemsOf(given: Given): Promise<ConfigProblem[]> {
  const error = await load(given).then(
    () => expect.fail('was accepted'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(SidepipeError);
  const { code, fault, details, message } = error as SidepipeError;
  expect([code, fault]).toEqual(['config-invalid', 'caller']);
  const problems = details['problems'] as ConfigProblem[];
  for (const problem of problems) expect(message).toContain(problem.message);
  return problems;
}

describe('loadConfig', () => {
  it('needs nothing', async () => {
    const config = await load({});
    expect(config.http).toMatchObject({ host: '0.0.0.0', port: 8080 });
    expect(config.streams).toEqual([]);
  });

  it('lets the environment win over the file and keeps the rest', async () => {
    const config = await load({
      yaml: 'http: { port: 1, host: 127.0.0.1 }\nstreams: [{ name: a, source: test }]\n',
      env: {
        SIDEPIPE_HTTP_PORT: '2',
        SIDEPIPE_S3_BUCKET: 'b',
        SIDEPIPE_S3_FORCE_PATH_STYLE: 'false',
        SIDEPIPE_STORAGE_BACKLOG_BYTES: '2MiB',
        SIDEPIPE_STREAMS_0_LOOP: 'false',
        SIDEPIPE_STREAMS_1_SOURCE: 'b.mp4',
        SIDEPIPE_STREAMS_1_NAME: 'b',
      },
    });
    expect(config.http).toMatchObject({ host: '127.0.0.1', port: 2 });
    expect(config.storage).toMatchObject({ backlogBytes: 2 * 1024 ** 2, s3: { bucket: 'b', forcePathStyle: false } });
    expect(config.streams).toMatchObject([
      { name: 'a', source: 'test', loop: false },
      { name: 'b', source: 'b.mp4' },
    ]);
  });

  it('adds the streams of the flags behind the others', async () => {
    const flags = { source: 'rtsp://camera/1', stream: 'cam', demo: true };
    const config = await load({ yaml: 'streams: [{ name: a, source: test }]', flags });
    expect(config.streams.map(({ name, source }) => [name, source])).toEqual([
      ['a', 'test'],
      ['cam', 'rtsp://camera/1'],
      ['demo', 'test'],
    ]);
  });

  it("keeps the file's own demo stream", async () => {
    const config = await load({ yaml: 'streams: [{ name: demo, source: a.mp4 }]', flags: { demo: true } });
    expect(config.streams.map(({ source }) => source)).toEqual(['a.mp4']);
  });

  it('takes names with nothing behind them, comments and empty files as unset', async () => {
    expect((await load({ yaml: '# nothing\n' })).http.port).toBe(8080);
    expect((await load({ yaml: 'http:\n  port:\nstorage:\nstreams:\n' })).http.port).toBe(8080);
  });

  it('reports everything at once, with place, expectation and what was there', async () => {
    const yaml = [
      'http: { port: eighty, publicUrl: example.org }',
      'port: 80',
      'storage: { type: s3, cleanup: destroy }',
      'streams:',
      '  - name: Front Door',
      '    source: test',
      '    thumbnail: { intervalSeconds: 30, staleAfterSeconds: 9, formats: [jpg, gif], qualty: 5 }',
      '  - { name: a, source: test }',
      '  - { name: a }',
      '  - test',
    ].join('\n');
    const problems = await problemsOf({
      yaml,
      env: { SIDEPIPE_LOG_LEVEL: 'loud', SIDEPIPE_NOPE: '1' },
      flags: { source: 'x' },
    });
    expect(problems).toEqual([
      { path: 'SIDEPIPE_NOPE', message: 'unknown environment variable' },
      { path: '--stream', message: expect.stringMatching(/^required with --source/) },
      {
        path: 'log.level',
        message: expect.stringMatching(/^expected trace, .* or silent, got "loud" \(from SIDEPIPE_LOG_LEVEL\)$/),
      },
      { path: 'http.port', message: 'expected a number, got "eighty"', line: 1, column: 15 },
      { path: 'http.publicUrl', message: 'expected an http or https URL, got "example.org"', line: 1, column: 34 },
      { path: 'port', message: 'unknown name; did you mean http.port?', line: 2, column: 1 },
      { path: 'storage.s3', message: 'required when storage.type is s3', line: 3, column: 10 },
      { path: 'storage.cleanup', message: 'expected delete or keep, got "destroy"', line: 3, column: 31 },
      {
        path: 'streams[0].name',
        message: expect.stringMatching(/^expected lowercase .*, got "Front Door"$/),
        line: 5,
        column: 11,
      },
      {
        path: 'streams[0].thumbnail.staleAfterSeconds',
        message: 'must be more than intervalSeconds (30)',
        line: 7,
        column: 58,
      },
      {
        path: 'streams[0].thumbnail.formats[1]',
        message: 'expected jpg, webp, avif or png, got "gif"',
        line: 7,
        column: 76,
      },
      { path: 'streams[0].thumbnail.qualty', message: 'unknown name; did you mean quality?', line: 7, column: 82 },
      { path: 'streams[2].source', message: 'required', line: 9, column: 5 },
      { path: 'streams[2].name', message: 'duplicate stream name "a"', line: 9, column: 13 },
      { path: 'streams[3]', message: 'expected a mapping (name: value), got a string', line: 10, column: 5 },
    ]);
  });

  it('counts nothing but digits as a number', async () => {
    for (const value of ['""', 'true', '[]', '1.2.3', "' '", '1.5', '.nan', '-1', '65536']) {
      expect(await problemsOf({ yaml: `http: { port: ${value} }` }), value).toMatchObject([{ path: 'http.port' }]);
    }
    expect((await load({ yaml: 'http: { port: "81" }' })).http.port).toBe(81);
  });

  it('never shows a secret', async () => {
    const yaml = [
      'admin: { token: hunter2 }',
      'storage: { s3: { bucket: b, secretAccessKey: 123456789 } }',
      'streams:',
      '  - { name: a, source: "rtsp://u:hunter2@cam", video: "rtsp://u:hunter2@cam" }',
      '  - rtsp://u:hunter2@cam',
      '  - { name: b, source: ["hunter2"], "rtsp://u:hunter2@x": 1 }',
      'hls: hunter2',
      'ffmpeg: hunter2',
    ].join('\n');
    const env = { SIDEPIPE_STREAMS_0_HLS_CONTAINER: 'rtsp://u:hunter2@cam' };
    const text = JSON.stringify(await problemsOf({ yaml, env }));
    expect(text).not.toContain('hunter2');
    expect(text).not.toContain('123456789');
    expect(JSON.parse(text)).toHaveLength(9);
  });

  it.each([
    ['a: 1\na: 2', { path: 'a', line: 2, column: 1, message: 'appears twice in the same mapping' }],
    ['http:\n\tport: 1', { line: 2, column: 1, message: 'indented with a tab; YAML requires spaces' }],
    ['http: [1', { message: expect.stringContaining('not closed') }],
    ['a: *hunter2', { line: 1, column: 4, message: expect.stringContaining('alias') }],
    ['a: !hunter2 1', { line: 1, message: expect.stringContaining('tag') }],
    ['a: "\\hunter2"', { line: 1, message: expect.stringContaining('escape') }],
    ['a: "hunter2', { message: expect.stringContaining('not closed') }],
    ['a: 1\n---\na: 2', { message: expect.stringContaining('second document') }],
    ['- a\n- b', { path: 'sidepipe.yaml', message: expect.stringContaining('expected a mapping') }],
    ['hunter2', { path: 'sidepipe.yaml', message: expect.stringContaining('expected a mapping') }],
    ['['.repeat(100_000), { message: expect.stringContaining('nested') }],
    ['- '.repeat(100_000), { message: expect.stringContaining('nested') }],
    ['\0\x01\x02', { message: expect.stringContaining('not a text') }],
    [Uint8Array.of(0xff, 0xfe, 0x61, 0), { message: 'not valid UTF-8' }],
    [`# ${'x'.repeat(1024 ** 2)}`, { message: expect.stringContaining('too large') }],
  ])('says what is wrong with a file: %#', async (yaml, expected) => {
    const problems = await problemsOf({ yaml });
    expect(problems[0]).toMatchObject(expected);
    expect(JSON.stringify(problems)).not.toContain('hunter2');
  });

  it('refuses a bomb of aliases', async () => {
    const lists = Array.from({ length: 9 }, (_, n) => `a${n + 1}: &a${n + 1} [${Array(9).fill(`*a${n}`).join(',')}]`);
    expect(await problemsOf({ yaml: `a0: &a0 [x,x,x]\n${lists.join('\n')}` })).toMatchObject([
      { message: expect.stringContaining('aliases') },
    ]);
  });

  it('says what a file is that is none', async () => {
    await mkdir(join(cwd, 'dir'));
    expect(await problemsOf({ file: 'dir' })).toEqual([
      { path: 'dir', message: 'is a directory, expected a YAML file' },
    ]);
    expect(await problemsOf({ file: 'none.yaml' })).toEqual([{ path: 'none.yaml', message: 'no such file' }]);
  });

  it.each([
    [{ source: 'x' }, '--stream'],
    [{ stream: 'x' }, '--source'],
  ])('wants source and stream together: %j', async (flags, missing) => {
    expect(await problemsOf({ flags })).toMatchObject([{ path: missing, message: expect.stringMatching(/^required/) }]);
  });

  it('names the flag that a wrong value came from', async () => {
    expect(await problemsOf({ flags: { source: 'x', stream: 'A b' } })).toMatchObject([
      { path: 'streams[0].name', message: expect.stringMatching(/got "A b" \(from --stream\)$/) },
    ]);
  });

  it('names the first gap in a list from the environment', async () => {
    const env = { SIDEPIPE_STREAMS_2_NAME: 'x', SIDEPIPE_STREAMS_2_SOURCE: 'test' };
    expect(await problemsOf({ env })).toMatchObject([
      { path: 'SIDEPIPE_STREAMS_2_NAME', message: 'streams[1] is missing: list indexes start at 0, without gaps' },
      { path: 'SIDEPIPE_STREAMS_2_SOURCE' },
    ]);
  });

  it('is not fooled by names that every object has', async () => {
    const problems = await problemsOf({ yaml: '__proto__: { x: 1 }\nconstructor: 1\nhttp: { toString: 1 }' });
    expect(problems.map(({ path }) => path)).toEqual(['__proto__', 'constructor', 'http.toString']);
  });
});
