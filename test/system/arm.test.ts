import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCapabilities } from '../../src/ffmpeg/capabilities.js';
import { makeClip } from '../support/clip.js';
import { startNode } from '../support/node.js';
import { until } from '../support/wait.js';

const run = promisify(execFile);
/** Emulated code takes ten times as long. */
const patience = { timeoutMs: 150_000, intervalMs: 500 };

let folder: string;
let clip: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sidepipe-arm-'));
  clip = await makeClip({ path: join(folder, 'clip.mp4'), seconds: 6 });
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** The embedded ffmpeg of another processor, as a program that this one runs: real code of it, not its speed. */
async function emulated(architecture: 'arm64' | 'arm', emulator: string): Promise<string> {
  const name = `@ffmpeg-installer/linux-${architecture}`;
  const lock = JSON.parse(await readFile(new URL('../../package-lock.json', import.meta.url), 'utf8')) as {
    packages: Record<string, { version: string }>;
  };
  // The very version that a board would get.
  const { version } = lock.packages[`node_modules/${name}`]!;
  const home = await mkdtemp(join(folder, `${architecture}-`));
  const { stdout } = await run('npm', ['pack', '--silent', `${name}@${version}`], { cwd: home });
  await run('tar', ['xzf', stdout.trim().split('\n').at(-1)!], { cwd: home });
  const program = join(home, 'package/ffmpeg');
  await chmod(program, 0o755);
  const path = join(home, 'ffmpeg');
  await writeFile(path, `#!/bin/sh\nexec ${emulator} ${program} "$@"\n`, { mode: 0o755 });
  return path;
}

describe.each([
  ['arm64', 'qemu-aarch64-static'],
  ['arm', 'qemu-arm-static'],
] as const)('the embedded ffmpeg of linux-%s', (architecture, emulator) => {
  it('takes every argument that the node gives it, and streams', async () => {
    const path = await emulated(architecture, emulator);
    expect(await readCapabilities(path)).toMatchObject({ hasNarrowTimestamps: architecture === 'arm' });
    const short = { hls: { segmentSeconds: 2 }, thumbnail: { intervalSeconds: 2, width: 160 } };
    const encode = {
      renditions: [{ height: 90, bitrate: 100_000, preset: 'ultrafast' as const }],
      audio: 'aac' as const,
    };
    const fmp4 = { hls: { ...short.hls, container: 'fmp4' as const } };
    const names = ['copy', 'copy-fmp4', 'encode', 'encode-fmp4'] as const;
    const node = await startNode({
      ffmpeg: { path, startTimeoutSeconds: 120, stallTimeoutSeconds: 60 },
      streams: [
        { name: 'copy', source: clip, ...short, monitor: true },
        { name: 'copy-fmp4', source: clip, ...short, ...fmp4, thumbnail: { ...short.thumbnail, decode: 'references' } },
        { name: 'encode', source: clip, ...short, ...encode },
        { name: 'encode-fmp4', source: clip, ...short, ...fmp4, ...encode },
      ],
    });
    for (const name of names) {
      const isUp = async () => (await node.stream(name)).hls.segments >= 3;
      await until(`segments of ${name} by ${architecture}`, isUp, patience);
      const { state, thumbnail, ffmpeg } = await node.stream(name);
      expect([name, state, thumbnail.state, ffmpeg.restarts]).toEqual([name, 'live', 'fresh', 0]);
      const [segment] = await node.segments(name, name.startsWith('encode') ? 'encoded' : 'source');
      expect((await fetch(segment!)).status).toBe(200);
    }
    const answer = await node.api('POST', 'streams/copy/snapshot');
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'image/jpeg']);
    const complaints = node.log.filter(({ level }) => level === 'warn' || level === 'error');
    expect(complaints).toEqual([]);
  }, 300_000);
});
