import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import installer from '@ffmpeg-installer/ffmpeg';
import type { BuildOptions } from '../../src/ffmpeg/build-options.js';
import { readCapabilities } from '../../src/ffmpeg/capabilities.js';

export interface TestedFfmpeg {
  readonly name: string;
  readonly path: string;
  readonly options: BuildOptions;
}

/** The binary that the project brings. */
export const embedded: TestedFfmpeg = {
  name: 'embedded',
  path: installer.path,
  options: {
    hasFpsMode: false,
    hasAutoscale: false,
    sourceTimeBase: '-1',
    rtspTimeout: '-stimeout',
    hasPickyHls: false,
    hasConcatOptions: false,
    reportsSlowest: false,
    hasQsvForcedIdr: false,
  },
};

/** What the newest builds have. */
export const newestOptions: BuildOptions = {
  hasFpsMode: true,
  hasAutoscale: true,
  sourceTimeBase: 'demux',
  rtspTimeout: '-timeout',
  hasPickyHls: true,
  hasConcatOptions: true,
  reportsSlowest: false,
  hasQsvForcedIdr: true,
};

/** Where `.ci/ffmpeg-versions` puts one of the builds that the suite `versions` runs on. */
export function providedFfmpeg(name: string): string {
  return join(process.env['SIDEPIPE_FFMPEG_CACHE'] ?? '/var/cache/sidepipe-ffmpeg', name);
}

/** The embedded ffmpeg, and the one in the PATH where there is one. */
export const ffmpegs: readonly TestedFfmpeg[] = [embedded, ...(await ffmpegInPath())];

async function ffmpegInPath(): Promise<TestedFfmpeg[]> {
  if (spawnSync('ffmpeg', ['-version']).error !== undefined) return [];
  const { options } = await readCapabilities('ffmpeg');
  return [{ name: 'installed', path: 'ffmpeg', options }];
}

export interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  /** What came on file descriptor 3. */
  readonly side: Buffer;
}

/** Runs ffmpeg to its end, whatever that is. It is killed after `timeoutMs`, which then shows as its signal. */
async function runFfmpeg(path: string, args: readonly string[], timeoutMs = 25_000): Promise<Ran> {
  const child = spawn(path, ['-hide_banner', '-nostdin', ...args], { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
  const deadline = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  const outputs = [child.stdout!, child.stderr!, child.stdio[3] as Readable].map(collect);
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (...end) => resolve(end));
  });
  clearTimeout(deadline);
  const [stdout, stderr, side] = outputs.map((pieces) => Buffer.concat(pieces));
  return { code, signal, stdout: stdout!, stderr: stderr!, side: side! };
}

function collect(stream: Readable): Buffer[] {
  const pieces: Buffer[] = [];
  stream.on('data', (piece: Buffer) => pieces.push(piece));
  return pieces;
}

/** Like `runFfmpeg`, and throws with ffmpeg's own words when it fails. */
export async function makeWithFfmpeg(path: string, args: readonly string[]): Promise<Ran> {
  const ran = await runFfmpeg(path, ['-v', 'error', '-y', ...args]);
  if (ran.code !== 0) throw new Error(`ffmpeg ${args.join(' ')} failed: ${ran.stderr}`);
  return ran;
}

/** An empty directory and the way to remove it with all that is in it. */
export async function makeDirectory(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'sidepipe-test-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
