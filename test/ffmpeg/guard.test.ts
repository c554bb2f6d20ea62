import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { type Child, spawnChild } from '../../src/ffmpeg/child.js';
import { createOrphanGuard } from '../../src/ffmpeg/guard.js';
import { isRunning, until } from '../support/wait.js';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const hasSetpriv = spawnSync('setpriv', ['--pdeathsig', 'KILL', '--', 'true']).status === 0;

async function startSleeper(): Promise<Child> {
  const child = await spawnChild({ path: process.execPath, args: ['-e', 'setInterval(() => {}, 1000)'] });
  for (const stream of [child.stdout, child.stderr, child.side]) stream.resume();
  closers.push(async () => {
    child.kill('SIGKILL');
    await child.exited;
  });
  return child;
}

/** The processes that a process has started and that still run. Needs /proc. */
async function childrenOf(pid: number): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const parents = await Promise.all(
    pids.map((each) => readFile(`/proc/${each}/stat`, 'utf8').then(parentOf, () => undefined)),
  );
  return pids.filter((_, index) => parents[index] === pid);
}

function parentOf(stat: string): number | undefined {
  const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' ? undefined : Number(parent);
}

/** Leaves out the compiler that `tsx` starts. */
async function without(word: string, pids: readonly number[]): Promise<number[]> {
  const commands = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => word)));
  return pids.filter((_, index) => !commands[index]!.includes(word));
}

/** Starts a node with one guarded ffmpeg, as a process of its own. */
async function startNode(way: string) {
  const script = fileURLToPath(new URL('guard-node.ts', import.meta.url));
  const node = spawn(process.execPath, ['--import', 'tsx', script, way], { stdio: ['ignore', 'pipe', 'inherit'] });
  closers.push(() => node.kill('SIGKILL'));
  const [line] = (await once(node.stdout, 'data')) as [Buffer];
  const told = JSON.parse(line.toString()) as { way: string; ffmpeg: number };
  closers.push(async () => {
    if (await isRunning(told.ffmpeg)) process.kill(told.ffmpeg, 'SIGKILL');
  });
  return { node, ...told };
}

describe.each(['reaper', ...(hasSetpriv ? ['parent-death-signal'] : [])])('the guard by %s', (way) => {
  it('ends ffmpeg when the node is killed, and leaves nothing else', async () => {
    const started = await startNode(way);
    expect(started.way).toBe(way);
    expect(await isRunning(started.ffmpeg)).toBe(true);
    const all = await without('esbuild', await childrenOf(started.node.pid!));
    expect(all).toContain(started.ffmpeg);
    expect(all).toHaveLength(way === 'reaper' ? 2 : 1);
    started.node.kill('SIGKILL');
    for (const pid of all) await until(`process ${pid} is gone`, async () => !(await isRunning(pid)));
  });

  it('lets ffmpeg be the very process that was started', async () => {
    const guard = await createOrphanGuard(way === 'reaper' ? { setpriv: null } : {});
    closers.push(() => guard.close());
    const { path, args } = guard.wrap(process.execPath, ['-p', 'process.pid', 'a b']);
    const child = await spawnChild({ path, args });
    for (const stream of [child.stderr, child.side]) stream.resume();
    const [said] = (await once(child.stdout, 'data')) as [Buffer];
    expect(Number(said)).toBe(child.pid);
    await child.exited;
  });
});

describe('createOrphanGuard', () => {
  it('falls back to the reaper where setpriv is missing or is another program', async () => {
    for (const setpriv of ['/no/such/setpriv', 'false']) {
      const guard = await createOrphanGuard({ setpriv });
      expect(guard.way).toBe('reaper');
      await guard.close();
    }
  });

  it('kills at its end what is watched, and nothing that is watched no more', async () => {
    const guard = await createOrphanGuard({ setpriv: null });
    const children = await Promise.all(Array.from({ length: 5 }, startSleeper));
    const unwatch = children.map(({ pid }) => guard.watch(pid));
    // The first, one in the middle and the last; and one that comes back.
    for (const index of [0, 2, 4]) unwatch[index]!();
    guard.watch(children[2]!.pid);
    await guard.close();
    const isKilled = [false, true, true, true, false];
    for (const [index, child] of children.entries()) {
      if (isKilled[index]) expect(await child.exited).toEqual({ code: null, signal: 'SIGKILL' });
    }
    for (const [index, { pid }] of children.entries())
      expect(await isRunning(pid), String(index)).toBe(!isKilled[index]);
  });

  it('leaves no process when it is closed, and may be told of children after that', async () => {
    const before = await childrenOf(process.pid);
    const guard = await createOrphanGuard({ setpriv: null });
    expect(await childrenOf(process.pid)).toHaveLength(before.length + 1);
    const unwatch = guard.watch(2 ** 22 + 1);
    await guard.close();
    unwatch();
    guard.watch(2 ** 22 + 2)();
    await guard.close();
    expect(await childrenOf(process.pid)).toEqual(before);
  });
});
