import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { contextOf, type Instruction, parseDockerfile, type Stage } from './dockerfile.js';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';
const bufferBytes = 64 * 1024 ** 2;

/** What a Dockerfile makes, as a folder to `chroot` into. */
export interface Image {
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly user: string;
  readonly workdir: string;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly healthcheck: readonly string[];
  remove(): Promise<void>;
}

interface Built {
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly user: string;
  readonly workdir: string;
}

/**
 * Runs the steps of the project's Dockerfile without a container engine: each stage is a folder made from a fresh Debian by
 * debootstrap, in the place of the base image, with this machine's Node.js. Takes root, and some minutes.
 */
export async function buildImage(): Promise<Image> {
  const home = await mkdtemp(join(tmpdir(), 'sidepipe-image-'));
  const remove = () => rm(home, { recursive: true, force: true });
  try {
    const stages = parseDockerfile(await readFile(join(root, 'Dockerfile'), 'utf8'));
    const [, line = '', suite = ''] = /^node:(\d+)-(\w+)-slim$/.exec(stages[0]!.base) ?? [];
    if (stages.some(({ base }) => base !== stages[0]!.base)) throw new Error('stages have different base images');
    const base = await makeBase(join(home, 'base'), line, suite);
    const built = new Map<string, Built>();
    for (const [index, stage] of stages.entries()) {
      const folder = join(home, `stage-${index}`);
      await run('cp', ['-a', '--reflink=auto', base, folder]);
      built.set(stage.name ?? 'final', await buildStage(stage, folder, built));
    }
    const { entrypoint, command, healthcheck } = stages.at(-1)!;
    return { ...built.get('final')!, entrypoint, command, healthcheck, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** What an image such as `node:24-trixie-slim` is made of: Debian, Node.js (from .ci/node-versions) with npm, a user. */
async function makeBase(folder: string, line: string, suite: string): Promise<string> {
  const mirror = await debianMirror();
  await run('debootstrap', ['--variant=minbase', '--include=ca-certificates,libstdc++6', suite, folder, mirror], {
    maxBuffer: bufferBytes,
  });
  const { stdout: cache } = await run(join(root, '.ci/node-versions'));
  const binaries = join(folder, 'usr/local/bin');
  const npm = join(dirname(dirname(process.execPath)), 'lib/node_modules/npm');
  await cp(join(cache.trim(), line), join(binaries, 'node'));
  await cp(npm, join(folder, 'usr/local/lib/node_modules/npm'), { recursive: true });
  await symlink('../lib/node_modules/npm/bin/npm-cli.js', join(binaries, 'npm'));
  await run('chroot', [folder, 'useradd', '--uid', '1000', '--create-home', 'node']);
  // A container engine gives names, certificates and these to every container.
  for (const file of ['/etc/resolv.conf', CERTIFICATES]) await cp(file, join(folder, file), { dereference: true });
  return folder;
}

/** Where apt gets Debian from on this machine. */
async function debianMirror(): Promise<string> {
  const format = ['--format', '$(REPO_URI) $(LABEL)', 'Created-By: Packages'];
  const { stdout } = await run('apt-get', ['indextargets', ...format]);
  const mirror = /^(\S+) Debian$/m.exec(stdout)?.[1];
  if (mirror === undefined) throw new Error('apt has no source of Debian');
  return mirror;
}

async function buildStage(stage: Stage, folder: string, built: ReadonlyMap<string, Built>): Promise<Built> {
  let state: Built = { folder, environment: {}, user: 'root', workdir: '/' };
  for (const instruction of stage.instructions) state = await step(instruction, state, built);
  return state;
}

async function step(instruction: Instruction, state: Built, built: ReadonlyMap<string, Built>): Promise<Built> {
  const { folder, environment } = state;
  switch (instruction.kind) {
    case 'workdir':
      await mkdir(join(folder, instruction.path), { recursive: true });
      return { ...state, workdir: instruction.path };
    case 'env':
    case 'arg':
      return { ...state, environment: { ...environment, [instruction.name]: instruction.value } };
    case 'user':
      return { ...state, user: instruction.name };
    case 'copy':
      await copy(instruction, state, built);
      return state;
    case 'run':
      await runInside(state, ['/bin/sh', '-c', instruction.command]);
      return state;
  }
}

/** Runs a command in a stage, with what every container has: /proc and the harmless devices. */
async function runInside({ folder, environment, workdir }: Built, command: readonly string[]): Promise<void> {
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  // What this machine trusts, which may be more than Node.js does by itself.
  const settings = ['HOME=/root', 'DEBIAN_FRONTEND=noninteractive', `NODE_EXTRA_CA_CERTS=${CERTIFICATES}`];
  const inside = ['chroot', folder, 'env', '-i', '-C', workdir, path, ...settings];
  const wrapped = ['--mount', '--propagation', 'private', 'sh', '-c', MOUNTED, 'sh', folder];
  try {
    await run('unshare', [...wrapped, ...inside, ...variables, ...command], { maxBuffer: bufferBytes });
  } catch (cause) {
    const { stderr = '', stdout = '' } = cause as { stderr?: string; stdout?: string };
    throw new Error(`${command.at(-1)}: ${stdout.slice(-2000)}${stderr.slice(-4000)}`, { cause });
  }
}

const MOUNTED = `
root=$1; shift
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
exec "$@"
`;

async function copy(
  { from, sources, to }: Extract<Instruction, { kind: 'copy' }>,
  { folder, workdir }: Built,
  built: ReadonlyMap<string, Built>,
): Promise<void> {
  const target = join(folder, to.startsWith('/') ? to : join(workdir, to));
  const origin = from === undefined ? root : built.get(from)!.folder;
  if (from === undefined && sources[0] === '.') return copyContext(target);
  for (const source of sources) {
    const isFolder = to.endsWith('/');
    const place = isFolder ? join(target, basename(source)) : target;
    await mkdir(dirname(place), { recursive: true });
    await run('cp', ['-a', join(origin, source), place]);
  }
}

/** The files under version control, or that would be, as far as .dockerignore lets them through. */
async function copyContext(target: string): Promise<void> {
  const { stdout } = await run('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root, maxBuffer: bufferBytes });
  const ignore = await readFile(join(root, '.dockerignore'), 'utf8');
  for (const file of contextOf(stdout.trim().split('\n'), ignore)) {
    await mkdir(dirname(join(target, file)), { recursive: true });
    await writeFile(join(target, file), await readFile(join(root, file)));
  }
}
