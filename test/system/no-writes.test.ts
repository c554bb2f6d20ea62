import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ConfigInput } from '../../src/config/schema/schema.js';
import type { StreamDescription } from '../../src/stream/description.js';
import { builtProgram, type ChildNode, configFile, emptyFolder, startChild } from '../support/child-node.js';
import { makeClip, temporaryFolder } from '../support/clip.js';
import { parseCall, readTrace, traceCommand, writesIn } from '../support/file-trace.js';
import { until } from '../support/wait.js';

let program: string;
let clip: string;

beforeAll(async () => {
  program = await builtProgram();
  clip = await makeClip({ path: join(await temporaryFolder(), 'clip.mp4'), seconds: 6 });
});

const patience = { timeoutMs: 60_000, intervalMs: 200 };

function config(more: ConfigInput = {}): ConfigInput {
  const formats: ('jpg' | 'webp' | 'avif' | 'png')[] = ['jpg', 'webp', 'avif', 'png'];
  const short = { hls: { segmentSeconds: 1 }, thumbnail: { intervalSeconds: 1, width: 320, formats } };
  return {
    http: { host: '127.0.0.1', port: 0 },
    streams: [
      { name: 'made', source: 'test', ...short },
      { name: 'file', source: clip, ...short },
      { name: 'encoded', source: clip, ...short, hls: { container: 'fmp4' }, renditions: [{ height: 144 }] },
      { name: 'broken', source: 'http://no-such-host.invalid/a.mp4' },
    ],
    ...more,
  };
}

/** Has the node do what it does for viewers, until segments have left the window and pictures were made of all kinds. */
async function use(node: ChildNode): Promise<void> {
  const url = await node.url();
  const get = async (path: string) => {
    const response = await fetch(url + path);
    await response.arrayBuffer();
    return response.status;
  };
  for (const name of ['made', 'file', 'encoded']) {
    await until(
      `${name} to be under way`,
      async () => {
        const stream = (await (await fetch(`${url}/api/v1/streams/${name}`)).json()) as StreamDescription;
        return (
          stream.state === 'live' && stream.hls.segments >= (name === 'made' ? 6 : 3) && stream.thumbnail.captured > 2
        );
      },
      patience,
    );
    const rendition = name === 'encoded' ? 'encoded' : 'source';
    const files = ['index.m3u8', `${rendition}/index.m3u8`, 'jpg', 'webp', 'avif', 'png'];
    for (const file of files) {
      const path = file.includes('.') ? file : `thumbnail.${file}`;
      expect([path, await get(`/live/${name}/${path}`)]).toEqual([path, 200]);
    }
  }
  for (const path of ['/', '/watch/made', '/metrics', '/live/broken/thumbnail.jpg']) expect(await get(path)).toBe(200);
}

describe('traced', () => {
  async function trace(more: ConfigInput = {}) {
    const folder = await emptyFolder();
    const file = await configFile(config(more));
    // Files that are opened by way of io_uring are hidden from strace; Node.js uses it only where it is told to.
    const env = { UV_USE_IO_URING: '0' };
    const node = await startChild({ program, wrapper: traceCommand(folder), args: ['--config', file], env });
    await use(node);
    // strace hands signals for itself on to nobody: the node is told directly.
    for (const pid of await node.processes('node')) process.kill(pid, 'SIGTERM');
    expect(await node.exited, node.stderr()).toEqual({ code: 0, signal: null });
    const calls = await readTrace(folder);
    // Or the trace would have missed what matters.
    expect(calls.some(({ name, args }) => name === 'execve' && /ffmpeg"?,? \["|ffmpeg", \[/.test(args))).toBe(true);
    expect(calls.some(({ args, result }) => args.includes(clip) && !result.startsWith('-1'))).toBe(true);
    return { calls, writes: writesIn(calls) };
  }

  it('writes no file: neither the node nor ffmpeg', async () => {
    const { calls, writes } = await trace();
    expect(calls.length).toBeGreaterThan(500);
    expect(writes).toEqual([]);
  });

  it('would see a write: a store in a directory', async () => {
    const path = await emptyFolder();
    const { writes } = await trace({ storage: { type: 'directory', directory: { path } } });
    expect(writes.some(({ name, args }) => name.startsWith('open') && args.includes(path))).toBe(true);
    expect(writes.filter(({ args }) => !args.includes(path))).toEqual([]);
  });
});

describe('the checker', () => {
  it.each([
    ['openat(AT_FDCWD, "/tmp/a", O_WRONLY|O_CREAT|O_TRUNC, 0666) = 4</tmp/a>', true],
    ['openat(AT_FDCWD, "/tmp/a", O_WRONLY|O_CREAT|O_TRUNC, 0666) = -1 EROFS (Read-only file system)', true],
    ['openat(AT_FDCWD, "/tmp/a", O_RDWR) = 4</tmp/a>', true],
    ['openat(AT_FDCWD, "/tmp/a", O_RDWR) = -1 ENOENT (No such file or directory)', false],
    ['openat(AT_FDCWD, "/tmp", O_RDWR|O_TMPFILE, 0600) = 4</tmp/#1>', true],
    ['openat(AT_FDCWD, "/dev/null", O_RDWR) = 4</dev/null<char 1:3>>', false],
    ['openat(AT_FDCWD, "/proc/self/fd/1", O_WRONLY|O_NONBLOCK) = 4<pipe:[123]>', false],
    ['openat(AT_FDCWD, "/proc/77/oom_score_adj", O_RDWR|O_CLOEXEC) = 4</proc/77/oom_score_adj>', false],
    ['openat(AT_FDCWD, "/tmp/proc/77/x", O_WRONLY|O_CREAT) = 4</tmp/proc/77/x>', true],
    ['openat(AT_FDCWD, "/etc/hosts", O_RDONLY|O_CLOEXEC) = 4</etc/hosts>', false],
    ['creat("/tmp/a", 0666) = 4</tmp/a>', true],
    ['rename("/tmp/a", "/tmp/b") = 0', true],
    ['mkdir("/tmp/x", 0777) = -1 EEXIST (File exists)', false],
    ['mkdir("/tmp/x", 0777) = 0', true],
    ['unlinkat(AT_FDCWD, "/tmp/a", 0) = 0', true],
    ['ftruncate(4</tmp/a>, 100) = 0', true],
    ['ftruncate(4</memfd:pulse (deleted)>, 100) = 0', false],
  ])('%s', (line, expected) => {
    const calls = parseCall(line);
    expect(calls).toHaveLength(1);
    expect(writesIn(calls).length > 0).toBe(expected);
  });
});

/** Makes every mount read-only for what comes after, and refuses to go on if one is not. Of two on one place the later is on top. */
const READ_ONLY = `
while read -r _ _ _ _ mount _; do mount -o remount,ro,bind "$mount" 2>/dev/null; done < /proc/self/mountinfo
writable=$(awk '{ options[$5] = $6 } END { for (m in options) if (options[m] !~ /^ro(,|$)/) print m }' /proc/self/mountinfo)
if [ -n "$writable" ]; then echo "still writable: $writable" >&2; exit 97; fi
for folder in /tmp /var/tmp /dev/shm "$HOME" .; do
  if touch "$folder/sidepipe-write-test" 2>/dev/null; then echo "a write worked in $folder" >&2; exit 98; fi
done
exec "$@"
`;

it('streams where nothing can be written at all', async () => {
  const file = await configFile(config());
  const wrapper = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', READ_ONLY, 'sh'];
  const node = await startChild({ program, wrapper, args: ['--config', file] });
  await use(node);
  node.kill('SIGTERM');
  expect(await node.exited, node.stderr()).toEqual({ code: 0, signal: null });
});
