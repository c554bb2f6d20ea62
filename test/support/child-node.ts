import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, onTestFinished } from 'vitest';
import type { ConfigInput } from '../../src/config/schema/schema.js';
import { isRunning, until } from './wait.js';

const run = promisify(execFile);
const builds: string[] = [];
// Here and not where they are made: what a hook registers while tests run is never called.
afterAll(() => Promise.all(builds.map((folder) => rm(folder, { recursive: true, force: true }))));

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The compiled program: the project's own `dist` when it is newer than all sources, else one built for this test file. */
export async function builtProgram(): Promise<string> {
  const dist = join(root, 'dist');
  const parts = ['cli.js', 'web/assets/imports.json'].map((file) => join(dist, file));
  const built = await Promise.all(parts.map((file) => modifiedAt(file)));
  if (Math.min(...built) > (await newestIn(join(root, 'src')))) return dist;
  const folder = await mkdtemp(join(tmpdir(), 'sidepipe-build-'));
  builds.push(folder);
  for (const shared of ['node_modules', 'package.json', 'src']) await symlink(join(root, shared), join(folder, shared));
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const compiled = join(folder, 'dist');
  await Promise.all([
    run(process.execPath, [compiler, '-p', join(root, 'src'), '--noCheck', '--outDir', compiled]),
    run(process.execPath, ['--import', 'tsx', join(root, 'src/web/bundle/bundle.ts'), join(compiled, 'web/assets')], {
      cwd: root,
    }),
  ]);
  return compiled;
}

async function newestIn(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const times = entries
    .filter((entry) => entry.isFile())
    .map((entry) => modifiedAt(join(entry.parentPath, entry.name)));
  return Math.max(...(await Promise.all(times)));
}

async function modifiedAt(path: string): Promise<number> {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
}

export interface ChildOptions {
  /** What `builtProgram` gave. */
  readonly program: string;
  /** What stands before Node's path, such as `strace` with its options. */
  readonly wrapper?: readonly string[];
  /** Node's arguments. Default: the command line program with `args`. */
  readonly script?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Default: an empty folder. */
  readonly cwd?: string;
}

export interface ChildNode {
  /** Of the node, or of what it is wrapped in. */
  readonly pid: number;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Parsed log lines so far. */
  readonly log: () => Record<string, unknown>[];
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  kill(signal: NodeJS.Signals): void;
  /** Throws with what the node said last when it is over: there is nothing to wait for any more. */
  mustRun(): void;
  /** Waits for the HTTP listener and gives its URL. */
  url(): Promise<string>;
  /** All that run with this node's environment: itself, its ffmpeg processes, its guard. */
  processes(program?: string): Promise<number[]>;
}

let marks = 0;

/** The mark's variable: of a locale, because the node passes those on to its children. */
const MARK = 'LC_SIDEPIPE_TEST';

/** Tests run on machines that are busy with other tests, and ask one node more often than people do. */
const forTests = { SIDEPIPE_GUARD_ENABLED: 'false', SIDEPIPE_HTTP_RATE_LIMIT_API_PER_MINUTE: '1000000' };

/** Runs the program as a process of its own; whatever it leaves behind is killed at the test's end. */
export async function startChild(options: ChildOptions): Promise<ChildNode> {
  const { program, wrapper = [], args = [], env = {} } = options;
  const { cwd = await emptyFolder() } = options;
  const script = options.script ?? [join(program, 'cli.js'), ...args];
  const mark = `sidepipe-test-${process.pid}-${marks++}-${Date.now()}`;
  const inherited = Object.entries(process.env).filter(([name]) => !/^(SIDEPIPE|VITEST|NODE_ENV|AWS)/.test(name));
  const [path, ...rest] = [...wrapper, process.execPath, ...script];
  const child = spawn(path!, rest, {
    cwd,
    env: { ...Object.fromEntries(inherited), [MARK]: mark, ...forTests, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  const exited = new Promise<Awaited<ChildNode['exited']>>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  const log = () =>
    stdout()
      .split('\n')
      .filter((line) => line.startsWith('{') && line.endsWith('}'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  onTestFinished(async () => {
    for (const pid of await withMark(mark)) kill(pid);
    await exited;
  });
  const mustRun = () => {
    if (ended(child)) throw new Error(`the node ended: ${stderr()}${stdout()}`);
  };
  return {
    pid: child.pid!,
    mustRun,
    stdout,
    stderr,
    log,
    exited,
    kill: (signal) => void child.kill(signal),
    url: () =>
      until(
        `a listener of the node; it said ${stderr()}`,
        () => {
          mustRun();
          const port = log().find(({ msg }) => msg === 'listening for HTTP')?.['port'];
          return port === undefined ? undefined : `http://127.0.0.1:${port}`;
        },
        { timeoutMs: 60_000, intervalMs: 50 },
      ),
    processes: (name) => withMark(mark, name),
  };
}

/** Runs the program to its end, which must come within two minutes. */
export async function runChild(options: ChildOptions) {
  const child = await startChild(options);
  const timer = setTimeout(() => child.kill('SIGKILL'), 120_000);
  const { code, signal } = await child.exited.finally(() => clearTimeout(timer));
  if (signal === 'SIGKILL') throw new Error(`killed, as it did not end: ${child.stdout()}${child.stderr()}`);
  return { code, stdout: child.stdout(), stderr: child.stderr() };
}

/** A configuration as a file: JSON is YAML. */
export async function configFile(config: ConfigInput | Record<string, unknown>): Promise<string> {
  const path = join(await emptyFolder(), 'sidepipe.yaml');
  await writeFile(path, JSON.stringify(config));
  return path;
}

/** A folder that is gone at the test's end. */
export async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sidepipe-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

function ended(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}

/** Processes that carry the mark in their environment, wherever they were handed on to; with `program`, of that name only. */
async function withMark(mark: string, program?: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry)).map(Number);
  const found = await Promise.all(
    pids.map(async (pid) => {
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
      if (!environment.includes(`${MARK}=${mark}\0`) || !(await isRunning(pid))) return undefined;
      if (program === undefined) return pid;
      // Node.js 24 names its main thread, and with it the process, otherwise than its program.
      const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
      const executable = await readlink(`/proc/${pid}/exe`).catch(() => '');
      return name.trim() === program || basename(executable) === program ? pid : undefined;
    }),
  );
  return found.filter((pid) => pid !== undefined);
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = '';
  stream.setEncoding('utf8');
  stream.on('data', (piece: string) => {
    text += piece;
  });
  return () => text;
}
