import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import installer from '@ffmpeg-installer/ffmpeg';

export interface TestedFfmpeg {
  readonly name: string;
  readonly path: string;
  /** Major version of libavformat. */
  readonly libavformat: number;
}

/** The binary that the project brings. */
export const embedded: TestedFfmpeg = { name: 'embedded', path: installer.path, libavformat: 58 };

/** The embedded ffmpeg, and the one in the PATH where there is one. */
export const ffmpegs: readonly TestedFfmpeg[] = [embedded, ...ffmpegInPath()];

function ffmpegInPath(): TestedFfmpeg[] {
  const { stdout } = spawnSync('ffmpeg', ['-hide_banner', '-version'], { encoding: 'utf8' });
  const libavformat = Number(/^libavformat\s+(\d+)\./m.exec(stdout ?? '')?.[1]);
  return Number.isNaN(libavformat) ? [] : [{ name: 'installed', path: 'ffmpeg', libavformat }];
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
