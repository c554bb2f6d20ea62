import { execFile } from 'node:child_process';
import { arch, cpus, loadavg } from 'node:os';
import { promisify } from 'node:util';
import { readCapabilities } from '../../src/ffmpeg/capabilities.js';
import { findFfmpeg } from '../../src/ffmpeg/locate.js';

/** What a result depends on beside the code. Nothing of it names a host, a user or a folder. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly arch: string;
  readonly node: string;
  readonly ffmpeg: string;
  /** Runnable processes over the last minute: much above zero, other work disturbed what was measured. */
  readonly load: number;
  readonly date: string;
  /** `unknown` outside of a checkout; with `+` when tracked files differ from it. */
  readonly commit: string;
}

export async function describeMachine(): Promise<Machine> {
  const { version } = await readCapabilities(await findFfmpeg(undefined));
  return {
    cpu: cpus()[0]?.model.trim() || 'unknown',
    cores: cpus().length,
    arch: arch(),
    node: process.version,
    ffmpeg: version,
    load: currentLoad(),
    date: new Date().toISOString(),
    commit: await commit(),
  };
}

export function currentLoad(): number {
  return Math.round((loadavg()[0] ?? 0) * 10) / 10;
}

/** The name of a machine's results file: its processor, its cores. Pure. */
export function machineSlug({ cpu, cores, arch }: Pick<Machine, 'cpu' | 'cores' | 'arch'>): string {
  const words = cpu
    .toLowerCase()
    .replaceAll(/\((r|tm|c)\)/g, ' ')
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '');
  return `${words || 'unknown'}-${arch}-${cores}-cores`;
}

async function commit(): Promise<string> {
  const git = async (...args: string[]) => (await promisify(execFile)('git', args)).stdout.trim();
  try {
    const changed = (await git('status', '--porcelain', '--untracked-files=no')) !== '';
    return `${await git('rev-parse', '--short=12', 'HEAD')}${changed ? '+' : ''}`;
  } catch {
    return 'unknown';
  }
}
