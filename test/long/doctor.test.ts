import { readdir } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import type { ConfigInput } from '../../src/config/schema/schema.js';
import { builtProgram, configFile, emptyFolder, runChild } from '../support/child-node.js';
import { type S3Server, startS3Server } from '../support/s3/server.js';
import type { ServerSettings } from '../support/s3/settings.js';

let program: string;

beforeAll(async () => {
  program = await builtProgram();
});

interface Row {
  readonly mark: string;
  readonly area: string;
  readonly text: string;
  readonly remedy: string | undefined;
}

async function examine(config: ConfigInput, ...options: string[]) {
  const file = await configFile({ http: { host: '127.0.0.1', port: 0 }, ...config });
  const { code, stdout, stderr } = await runChild({ program, args: ['doctor', '--config', file, ...options] });
  const lines = stdout.split('\n');
  const rows = lines.flatMap((line, index): Row[] => {
    const [, mark, area, text] = /^(ok|FAILED|warning|skipped) +(\S+) +(.*)$/.exec(line) ?? [];
    const remedy = /^ +→ (.*)$/.exec(lines[index + 1] ?? '')?.[1];
    return mark === undefined ? [] : [{ mark, area: area!, text: text!, remedy }];
  });
  return { code, stdout, stderr, failed: rows.filter(({ mark }) => mark === 'FAILED'), rows };
}

async function bucket(settings: Partial<ServerSettings> = {}): Promise<S3Server> {
  const server = await startS3Server({ settings });
  onTestFinished(() => server.close());
  return server;
}

function onBucket(server: S3Server, more: Record<string, unknown> = {}): ConfigInput {
  const { endpoint, credentials } = server;
  return { storage: { type: 's3', s3: { endpoint, bucket: 'live', ...credentials, ...more } } };
}

it('finds all well without a store, and keeps its hands off what is skipped', async () => {
  const { code, stdout, stderr, rows, failed } = await examine({ streams: [{ name: 'cam', source: 'test' }] });
  expect({ code, stderr, failed }, stdout).toEqual({ code: 0, stderr: '', failed: [] });
  expect(new Set(rows.map(({ area }) => area))).toEqual(
    new Set(['ffmpeg', 'source', 'images', 'ports', 'limits', 'clock', 'store']),
  );
  expect(rows.find(({ area }) => area === 'store')).toMatchObject({ mark: 'skipped' });
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('All checks passed.');
  // A pipe is no terminal.
  expect(stdout).not.toContain('\u001b');
});

it('opens every source: a missing file and a dead camera are found, a push stream waits', async () => {
  const { code, stdout, failed, rows } = await examine(
    {
      streams: [
        { name: 'file', source: '/no/such/file.mp4' },
        { name: 'camera', source: 'rtsp://admin:hunter22@127.0.0.1:9/cam' },
        { name: 'studio', source: 'push', keys: ['a-long-key'] },
      ],
    },
    '--only',
    'source',
  );
  expect(code, stdout).toBe(1);
  expect(failed.map(({ area, text }) => `${area} ${text}`)).toEqual([
    expect.stringMatching(/^source file +\/no\/such\/file\.mp4: The source file does not exist\.$/),
    expect.stringMatching(/^source camera +.*connection refused/),
  ]);
  for (const { remedy } of failed) expect(remedy).toBeTruthy();
  expect(rows.find(({ text }) => text.startsWith('studio'))).toMatchObject({ mark: 'skipped', area: 'source' });
  expect(stdout).not.toMatch(/All checks passed|hunter22/);
}, 60_000);

it('prints one JSON document for programs', async () => {
  const file = await configFile({
    http: { host: '127.0.0.1', port: 0 },
    streams: [{ name: 'a', source: '/no/file.mp4' }],
  });
  const { code, stdout } = await runChild({ program, args: ['doctor', '-c', file, '--json', '--only', 'source'] });
  expect(code).toBe(1);
  const { ok, failed, results } = JSON.parse(stdout);
  expect([ok, failed]).toEqual([false, 1]);
  expect(results).toContainEqual({
    area: 'source',
    check: 'a',
    ok: false,
    detail: expect.stringContaining('/no/file.mp4'),
    remedy: expect.any(String),
  });
}, 60_000);

it('proves a directory and leaves nothing in it', async () => {
  const path = await emptyFolder();
  const { code, stdout, rows } = await examine(
    { storage: { type: 'directory', directory: { path } } },
    '--only',
    'store',
  );
  expect(code, stdout).toBe(0);
  expect(rows.filter(({ area }) => area === 'store').length).toBeGreaterThan(5);
  expect(await readdir(path, { recursive: true })).toEqual([]);
});

it('proves a bucket and its public URL, and leaves nothing in it', async () => {
  const server = await bucket({
    publicRead: true,
    cors: { origins: ['*'], methods: ['GET', 'HEAD'], exposeHeaders: [] },
  });
  const publicUrl = `${server.endpoint}/live/some/prefix`;
  const { code, stdout, rows } = await examine(
    onBucket(server, { prefix: 'some/prefix', publicUrl }),
    '--only',
    'store',
  );
  expect(code, stdout).toBe(0);
  const checks = rows.filter(({ area }) => area === 'store').map(({ text }) => text);
  for (const check of [
    'put',
    'get',
    'list',
    'delete',
    'conditional put',
    'checksum',
    'ACL',
    'clock skew',
    'public URL',
  ]) {
    expect(checks.some((text) => text.startsWith(check))).toBe(true);
  }
  expect(server.objects().size).toBe(0);
  expect(stdout).not.toContain(server.credentials.secretAccessKey);
});

it('says what is wrong with a store and what to do', async () => {
  const server = await bucket();
  const secretAccessKey = 'not-the-right-secret';
  const { code, stdout, failed } = await examine(onBucket(server, { secretAccessKey }), '--only', 'store');
  expect(code).toBe(1);
  expect(failed).toHaveLength(1);
  expect(failed[0]!.text).toMatch(/^put/);
  expect(failed[0]!.remedy, stdout).toMatch(/secret/i);
  expect(stdout).toMatch(/1 of \d+ checks failed\.\n$/);
  expect(stdout).not.toContain(secretAccessKey);
});

it('says that a public URL does not lead to the bucket', async () => {
  const server = await bucket({ publicRead: true });
  const { code, failed } = await examine(
    onBucket(server, { prefix: 'p', publicUrl: `${server.endpoint}/live` }),
    '--only',
    'store',
  );
  expect(code).toBe(1);
  expect(failed.map(({ text }) => text.split('  ')[0])).toEqual(['public URL']);
  expect(failed[0]!.remedy).toMatch(/prefix/);
});

it('says that no store answers, that a port is taken and that ffmpeg is missing, all in one table', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const { code, stdout, stderr, failed } = await examine({
    http: { host: '127.0.0.1', port },
    ffmpeg: { path: join(await emptyFolder(), 'ffmpeg') },
    storage: {
      type: 's3',
      s3: {
        endpoint: 'http://127.0.0.1:1',
        bucket: 'live',
        accessKeyId: 'AKIDEXAMPLE',
        secretAccessKey: 'hidden-secret',
      },
    },
  });
  expect(code, stdout).toBe(1);
  expect(failed.map(({ area }) => area)).toEqual(['ffmpeg', 'ports', 'store']);
  for (const { text, remedy } of failed) expect(remedy, text).toBeTruthy();
  expect(stdout + stderr).not.toMatch(/hidden-secret|\n\s+at /);
});
