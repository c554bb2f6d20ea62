import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { SidepipeError } from '../../src/errors.js';
import { type Child, runToEnd, type SpawnOptions, spawnChild, stopChild } from '../../src/ffmpeg/child.js';
import { makeDirectory } from '../support/ffmpeg.js';
import { isRunning, until } from '../support/wait.js';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function start(options: SpawnOptions): Promise<Child> {
  const child = await spawnChild(options);
  closers.push(async () => {
    child.kill('SIGKILL');
    await child.exited;
  });
  child.stdout.resume();
  child.stderr.resume();
  child.side.resume();
  return child;
}

const node = (script: string, stdin = false) => start({ path: process.execPath, args: ['-e', script], stdin });

/** A child that says `ready` once its script has run, so that its signal handlers are there. */
async function nodeReady(script: string): Promise<Child> {
  const child = await node(`${script}; setInterval(() => {}, 1000); console.log('ready')`);
  await until('the child is ready', () => new Promise((resolve) => child.stdout.once('data', () => resolve(true))));
  return child;
}

/** A child that is told the signals that it gets, and is gone when it gets one of `obeys`. */
function watched(child: Child): { child: Child; signals: string[] } {
  const signals: string[] = [];
  const kill = (signal: NodeJS.Signals) => {
    signals.push(signal);
    child.kill(signal);
  };
  return { child: { ...child, kill }, signals };
}

/** Waits that end at once, and are noted. */
function instantDelay() {
  const waits: number[] = [];
  const delay = async (ms: number) => {
    waits.push(ms);
  };
  return { waits, delay };
}

/** A wait that ends only when it is given up. */
const endless = (_ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

describe('spawnChild', () => {
  it('gives four pipes, passes arguments as they are, and tells how the child ended', async () => {
    const odd = ['a b', '$(touch x)', ';', '"', "'", '-f', '*', 'é'];
    const script = `
      require('fs').writeSync(3, JSON.stringify(process.argv.slice(1)));
      process.stderr.write(process.env.SIDEPIPE_TEST + process.env.PATH.length);
      process.stdin.pipe(process.stdout).on('finish', () => {});
      process.stdin.on('end', () => process.exitCode = 7)`;
    const environment = { SIDEPIPE_TEST: 'set' };
    const child = await spawnChild({
      path: process.execPath,
      args: ['-e', script, '--', ...odd],
      stdin: true,
      environment,
    });
    const read = async (stream: AsyncIterable<Buffer>) => {
      const pieces: Buffer[] = [];
      for await (const piece of stream) pieces.push(piece);
      return Buffer.concat(pieces).toString();
    };
    child.stdin!.end('through and through');
    const [stdout, stderr, side] = await Promise.all([child.stdout, child.stderr, child.side].map(read));
    expect(await child.exited).toEqual({ code: 7, signal: null });
    expect(stdout).toBe('through and through');
    expect(stderr).toBe(`set${process.env['PATH']!.length}`);
    expect(JSON.parse(side!)).toEqual(odd);
  });

  it('has no standard input unless asked for one', async () => {
    const child = await node('process.stdin.on("end", () => process.exit(3)).resume()');
    expect(child.stdin).toBeNull();
    expect(await child.exited).toEqual({ code: 3, signal: null });
  });

  it.each([
    ['a program that is not there', { path: '/no/such/program', args: [] }],
    ['a directory', { path: '/', args: [] }],
    ['an argument with a zero in it', { path: process.execPath, args: ['a\0b'] }],
    ['a longer command line than the system takes', { path: process.execPath, args: ['x'.repeat(8_000_000)] }],
  ])('tells of %s by one kind of error', async (_, options) => {
    const error: unknown = await spawnChild(options).catch((each: unknown) => each);
    expect(error).toBeInstanceOf(SidepipeError);
    expect(error).toMatchObject({ code: 'ffmpeg-unusable', retryable: true });
    expect((error as Error).cause).toBeInstanceOf(Error);
  });

  it('names the shortage of file descriptors, and no program, where there are none left', async () => {
    const { url } = import.meta;
    // A process of its own, because the shortage would be everybody's here.
    const script = `
      const { openSync } = await import('node:fs');
      const { spawnChild } = await import(${JSON.stringify(new URL('../../src/ffmpeg/child.ts', url).href)});
      try { for (;;) openSync('/dev/null'); } catch {}
      await spawnChild({ path: 'setpriv', args: ['--', 'ffmpeg'] }).catch(({ code, message }) => console.log(code, message));`;
    const args = [
      '-c',
      'ulimit -n 128; exec "$@"',
      'sh',
      process.execPath,
      '--import',
      'tsx',
      '--input-type=module',
      '-e',
      script,
    ];
    const said = await runToEnd({ path: 'sh', args, timeoutMs: 30_000 });
    expect(said).toMatch(/^machine-exhausted Cannot start ffmpeg: .*\(EMFILE\).*ulimit -n/);
    expect(said).not.toContain('setpriv');
  });

  it('survives writing to, killing and stopping a child that is gone', async () => {
    const child = await node('', true);
    await child.exited;
    child.stdin!.write('x');
    child.kill('SIGTERM');
    expect(await stopChild(child, { delay: endless })).toEqual({ code: 0, signal: null });
  });

  it('ends what a script started, not only the script', async () => {
    const { path, remove } = await makeDirectory();
    closers.push(remove);
    const script = join(path, 'wrapper');
    await writeFile(script, '#!/bin/sh\nsleep 1000 &\necho $!\nsleep 1000\n');
    await chmod(script, 0o755);
    const child = await start({ path: script, args: [] });
    const inner = await new Promise<number>((resolve) => child.stdout.once('data', (data) => resolve(Number(data))));
    child.kill('SIGKILL');
    expect(await child.exited).toEqual({ code: null, signal: 'SIGKILL' });
    await until('the inner process is gone', async () => !(await isRunning(inner)));
  });
});

describe('stopChild', () => {
  it('asks first, and leaves it at that when the child goes', async () => {
    const { child, signals } = watched(await nodeReady('process.on("SIGINT", () => process.exit(5))'));
    const aborted: boolean[] = [];
    const delay = async (ms: number, signal: AbortSignal) => {
      await endless(ms, signal).catch(() => aborted.push(true));
    };
    expect(await stopChild(child, { delay })).toEqual({ code: 5, signal: null });
    expect(signals).toEqual(['SIGINT']);
    await until('the wait is given up', () => aborted.length === 1);
  });

  it('terminates a child that does not hear', async () => {
    const { child, signals } = watched(await nodeReady('process.on("SIGINT", () => {})'));
    const waits: number[] = [];
    const delay = async (ms: number, signal: AbortSignal) => {
      waits.push(ms);
      if (waits.length > 1) await endless(ms, signal);
    };
    expect(await stopChild(child, { delay, askMs: 11, terminateMs: 22 })).toEqual({ code: null, signal: 'SIGTERM' });
    expect(signals).toEqual(['SIGINT', 'SIGTERM']);
    expect(waits).toEqual([11, 22]);
  });

  it.each([
    ['with waits', {}, [3000, 1000]],
    ['without a wait between', { askMs: 0, terminateMs: 0 }, [0, 0]],
  ])('kills a child that ignores everything, %s', async (_, limits, expected) => {
    const ignore = 'process.on("SIGINT", () => {}); process.on("SIGTERM", () => {})';
    const { child, signals } = watched(await nodeReady(ignore));
    const { waits, delay } = instantDelay();
    expect(await stopChild(child, { delay, ...limits })).toEqual({ code: null, signal: 'SIGKILL' });
    expect(signals).toEqual(['SIGINT', 'SIGTERM', 'SIGKILL']);
    expect(waits).toEqual(expected);
  });

  it('ends the input first, where that is what the child waits for', async () => {
    const script =
      'process.on("SIGINT", () => {}); process.stdin.on("end", () => process.exit(4)).resume(); console.log(1)';
    const child = await node(script, true);
    await new Promise((resolve) => child.stdout.once('data', resolve));
    expect(await stopChild(child, { delay: endless })).toEqual({ code: 4, signal: null });
  });

  it('may be called again while it is at work', async () => {
    const { child, signals } = watched(await nodeReady('process.on("SIGINT", () => {})'));
    const { delay } = instantDelay();
    const ends = await Promise.all([stopChild(child, { delay: endless }), stopChild(child, { delay })]);
    expect(ends[0]).toEqual(ends[1]);
    expect(signals.slice(0, 2)).toEqual(['SIGINT', 'SIGINT']);
  });
});

describe('runToEnd', () => {
  const run = (script: string, more: { timeoutMs?: number; signal?: AbortSignal } = {}) =>
    runToEnd({ path: process.execPath, args: ['-e', script], timeoutMs: 20_000, ...more });

  it('gives what was printed, however much is said elsewhere', async () => {
    const noise = 'require("fs").writeSync(3, "z".repeat(50000)); process.stderr.write("y".repeat(500000));';
    expect(await run(`${noise} process.stdout.write("é".repeat(200000))`)).toBe('é'.repeat(200_000));
  });

  it.each([
    ['fails', 'process.exit(3)', {}],
    ['kills itself', 'process.kill(process.pid, "SIGKILL")', {}],
    ['prints without an end', 'setInterval(() => process.stdout.write("x".repeat(100000)), 0)', {}],
    ['hangs', 'setInterval(() => {}, 1000)', { timeoutMs: 300 }],
    ['hangs and ignores signals', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)', { timeoutMs: 300 }],
    ['is not wanted any more', 'setInterval(() => {}, 1000)', { signal: AbortSignal.timeout(300) }],
    ['was not wanted before it began', 'setInterval(() => {}, 1000)', { signal: AbortSignal.abort() }],
  ])('rejects when the program %s', async (_, script, options) => {
    await expect(run(script, options)).rejects.toMatchObject({ name: 'SidepipeError', code: 'ffmpeg-unusable' });
  });

  it('ends the processes of a script that hangs', async () => {
    await expect(runToEnd({ path: '/bin/sh', args: ['-c', 'sleep 1000; true'], timeoutMs: 300 })).rejects.toMatchObject(
      { code: 'ffmpeg-unusable' },
    );
  });
});
