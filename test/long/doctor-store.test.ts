import { beforeAll, expect, it } from 'vitest';
import { startBucket } from '../support/bucket.js';
import { builtProgram, configFile, emptyFolder, runChild } from '../support/child-node.js';
import type { ServerSettings } from '../support/s3/settings.js';

let program: string;

beforeAll(async () => {
  program = await builtProgram();
});

async function examine(settings: Partial<ServerSettings>, more: Record<string, unknown> = {}) {
  const bucket = await startBucket({ settings });
  const config = { http: { host: '127.0.0.1', port: 0 }, storage: { type: 's3', s3: { ...bucket.s3, ...more } } };
  const { code, stdout } = await runChild({
    program,
    args: ['doctor', '--only', 'store,fallback', '--config', await configFile(config)],
  });
  expect(bucket.server.objects().size).toBe(0);
  /** The remedy below a check's line. */
  const remedyOf = (check: string) => new RegExp(`^\\S+ +store +${check} .*\\n +→ (.*)$`, 'm').exec(stdout)?.[1];
  return { code, stdout, remedyOf };
}

it.each(['refuse', 'ignore', 'if-match-broken'] as const)(
  'says what follows where conditional writes are not supported: %s',
  async (conditionalPut) => {
    const { code, stdout, remedyOf } = await examine({ conditionalPut });
    expect(code, stdout).toBe(0);
    expect(remedyOf('conditional put')).toMatch(/give every node its own prefix/);
  },
  60_000,
);

it('goes by what the store takes: no checksums, one delete a key, ETags without quotes', async () => {
  const { code, stdout, remedyOf } = await examine({
    refuseChecksum: true,
    batchDelete: 'refuse',
    conditionalPut: 'if-match-bare',
  });
  expect(code, stdout).toBe(0);
  expect(stdout).toMatch(/checksum +.*rejected, so none are sent/);
  expect(stdout).toMatch(/delete +.*one request per key/);
  expect(remedyOf('conditional put')).toBeUndefined();
});

it.each(['aws', 'r2', 'b2'] as const)(
  'says to remove an ACL that is refused as by %s',
  async (refuseAcl) => {
    const { code, stdout, remedyOf } = await examine({ refuseAcl }, { acl: 'public-read' });
    expect(code, stdout).toBe(1);
    expect(remedyOf('ACL')).toMatch(/remove storage\.s3\.acl/);
  },
  60_000,
);

it('says that the clock is wrong, and that players are kept out', async () => {
  const skewed = await examine({ clockSkewMs: 20 * 60_000 });
  expect(skewed.code, skewed.stdout).toBe(1);
  expect(skewed.stdout).toMatch(/→ .*clock \(NTP\)/);
  const closed = await examine({ publicRead: false });
  expect(closed.code, closed.stdout).toBe(1);
  expect(closed.remedyOf('public URL')).toMatch(/make the objects publicly readable/);
});

it('finds a limit below the size of a segment', async () => {
  const { code, stdout, remedyOf } = await examine({ maxObjectBytes: 1_000_000 });
  expect(code, stdout).toBe(1);
  expect(stdout).toMatch(/^FAILED +store +segment +.*8\.0 MB/m);
  expect(remedyOf('segment')).toMatch(/client_max_body_size/);
  expect(stdout).not.toContain('All checks passed');
}, 60_000);

it('says to add a CORS rule', async () => {
  const { code, stdout, remedyOf } = await examine({});
  expect(code, stdout).toBe(0);
  expect(remedyOf('public URL')).toMatch(/CORS rule on the bucket/);
});

it('proves the second store as well', async () => {
  const bucket = await startBucket();
  const path = await emptyFolder();
  const main = { type: 's3', s3: bucket.s3 };
  const run = async (fallback: Record<string, unknown>) => {
    const config = { http: { host: '127.0.0.1', port: 0 }, storage: { ...main, fallback } };
    return runChild({ program, args: ['doctor', '--only', 'store,fallback', '--config', await configFile(config)] });
  };
  const right = await run({ type: 'directory', directory: { path } });
  expect(right.code, right.stdout).toBe(0);
  expect(right.stdout).toMatch(/^ok +fallback +put /m);
  const wrong = await run({ type: 's3', s3: { ...bucket.s3, bucket: 'not-there' } });
  expect(wrong.code, wrong.stdout).toBe(1);
  expect(wrong.stdout).toMatch(/^FAILED +fallback +put .*not-there.*\n +→ .*storage\.s3\.bucket/m);
  expect(wrong.stdout).toMatch(/^ok +store +put /m);
});
