import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { StreamDescription } from '../../src/stream/description.js';
import { startBucket, type TestBucket } from '../support/bucket.js';
import { startChild } from '../support/child-node.js';
import { buildImage, type Image } from '../support/container.js';
import { until } from '../support/wait.js';

const run = promisify(execFile);
const patience = { timeoutMs: 60_000, intervalMs: 200 };

let image: Image;

beforeAll(async () => {
  image = await buildImage();
}, 600_000);

afterAll(() => image?.remove());

/** As an engine runs a container with `--read-only`: own mounts, root file system read-only, nothing writable beside it. */
const CONTAINED = `
root=$1; user=$2; workdir=$3; shift 3
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mkdir -p "$root/dev"
mount -t tmpfs -o size=64k tmpfs "$root/dev"
for device in null zero full random urandom; do touch "$root/dev/$device"; mount --bind "/dev/$device" "$root/dev/$device"; done
ln -s /proc/self/fd "$root/dev/fd"
mount -o remount,ro "$root/dev"
mount -o remount,ro,bind "$root"
unset HOME
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
exec chroot --userspec="$user:$user" "$root" /usr/bin/env -C "$workdir" "$@"
`;

/** What this would be as arguments of an engine: all that comes behind is the image's own. */
function contained(command: readonly string[]): string[] {
  const { folder, user, workdir } = image;
  return [
    'unshare',
    '--mount',
    '--propagation',
    'private',
    'sh',
    '-c',
    CONTAINED,
    'sh',
    folder,
    user,
    workdir,
    ...command,
  ];
}

async function startContained(environment: Readonly<Record<string, string>>) {
  // What stands behind the wrapper is Node.js and its script: here they are the image's entry point and command.
  const [program, ...rest] = [...image.entrypoint, ...image.command];
  return startChild({
    program: '/app/dist',
    wrapper: contained(['/bin/sh', '-c', `exec ${[program, ...rest].join(' ')}`]),
    script: [],
    cwd: '/',
    // It is process 1 in a real one.
    env: { ...image.environment, TINI_SUBREAPER: '1', ...environment },
  });
}

it.each([
  ["the distribution's ffmpeg", {}],
  ['the embedded ffmpeg', { SIDEPIPE_FFMPEG_PATH: '/app/ffmpeg' }],
])(
  'streams with %s on a read-only root, thumbnails fresh, uploads going, and ends in order',
  async (_, chosen) => {
    const bucket = await startBucket();
    const node = await startContained({
      ...chosen,
      SIDEPIPE_HTTP_HOST: '127.0.0.1',
      SIDEPIPE_HTTP_PORT: '0',
      SIDEPIPE_STREAMS_0_NAME: 'cam',
      SIDEPIPE_STREAMS_0_SOURCE: 'test',
      SIDEPIPE_STREAMS_0_THUMBNAIL_INTERVAL_SECONDS: '1',
      SIDEPIPE_STORAGE_TYPE: 's3',
      SIDEPIPE_S3_ENDPOINT: bucket.s3.endpoint!,
      SIDEPIPE_S3_REGION: bucket.s3.region!,
      SIDEPIPE_S3_BUCKET: bucket.s3.bucket,
      SIDEPIPE_S3_PREFIX: bucket.s3.prefix!,
      SIDEPIPE_S3_ACCESS_KEY_ID: bucket.s3.accessKeyId!,
      SIDEPIPE_S3_SECRET_ACCESS_KEY: bucket.s3.secretAccessKey!,
    });
    const url = await node.url();
    const stream = async () => (await (await fetch(`${url}/api/v1/streams/cam`)).json()) as StreamDescription;
    await until('a playable stream', async () => (await stream()).hls.segments >= 3, patience);
    expect((await stream()).thumbnail.state).toBe('fresh');
    await until('playlist and thumbnail on the store', () => isPublished(bucket), patience);

    const [pid, ...more] = await node.processes('node');
    expect(more).toEqual([]);
    expect(await readFile(`/proc/${pid}/status`, 'utf8')).toMatch(/^Uid:\t1000\t1000\t1000\t1000$/m);
    // The check that an engine makes, as it makes it.
    const port = new URL(url).port;
    await inside(image.healthcheck, { SIDEPIPE_HTTP_PORT: port });
    await expect(inside(image.healthcheck, { SIDEPIPE_HTTP_PORT: '1' })).rejects.toThrow();

    node.kill('SIGTERM');
    expect(await node.exited, node.stderr()).toEqual({ code: 0, signal: null });
    expect(await node.processes()).toEqual([]);
    // The stream is not at its end: another node, or this one again, goes on with it at once.
    expect(bucket.text('cam/source/index.m3u8')).not.toContain('#EXT-X-ENDLIST');
    expect(bucket.keys()).not.toContain('cam/lease.json');
  },
  120_000,
);

function isPublished(bucket: TestBucket): boolean {
  return bucket.text('cam/source/index.m3u8') !== undefined && bucket.keys().includes('cam/thumbnail.jpg');
}

/** Runs a command in a container of its own. Rejects when it fails. */
async function inside(command: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const [program, ...args] = contained(command);
  return run(program!, args, { env: { ...process.env, ...environment } });
}

it('can write nowhere', async () => {
  const attempt =
    'for folder in / /tmp /var/tmp /app /run /dev /dev/shm /home/node; do touch $folder/x && echo $folder; done; true';
  const { stdout, stderr } = await inside(['/bin/sh', '-c', attempt]);
  expect(stdout).toBe('');
  expect(stderr).toContain('Read-only file system');
});

it('lists what is in it', async () => {
  const sbom = JSON.parse(await readFile(join(image.folder, 'app/sbom.cdx.json'), 'utf8')) as {
    bomFormat: string;
    components: { name: string }[];
  };
  expect(sbom.bomFormat).toBe('CycloneDX');
  const names = sbom.components.map(({ name }) => name);
  for (const name of ['hono', 'sharp', 'pino']) expect(names).toContain(name);
  expect(names).not.toContain('vitest');
});
