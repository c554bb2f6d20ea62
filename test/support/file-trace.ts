import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** One finished call out of strace's log. */
export interface TracedCall {
  readonly name: string;
  readonly args: string;
  /** What it gave, with strace's decoding: `3</dev/null<char 1:3>>`, `0`, `-1 ENOENT (No such file or directory)`. */
  readonly result: string;
}

/** Calls that open a path, or change a file or the tree of names. The `?` lets strace skip those that a machine has not. */
const traced = [
  ...['execve', 'open', 'openat', 'openat2', 'creat', 'mkdir', 'mkdirat', 'rmdir', 'mknod', 'mknodat'],
  ...['rename', 'renameat', 'renameat2', 'link', 'linkat', 'symlink', 'symlinkat', 'unlink', 'unlinkat'],
  ...['truncate', 'ftruncate', 'fallocate', 'chmod', 'fchmod', 'fchmodat', 'chown', 'lchown', 'fchown', 'fchownat'],
  ...['utime', 'utimes', 'utimensat', 'futimesat', 'setxattr', 'lsetxattr', 'fsetxattr', 'copy_file_range'],
];

/** What stands before a command to have it traced, with all its threads and children, a log each, in `folder`. */
export function traceCommand(folder: string): string[] {
  const calls = traced.map((name) => `?${name}`).join(',');
  return [
    'strace',
    '--seccomp-bpf',
    '-ff',
    '-yy',
    '-qq',
    '-s',
    '512',
    '-e',
    `trace=${calls}`,
    '-o',
    join(folder, 'trace'),
  ];
}

export async function readTrace(folder: string): Promise<TracedCall[]> {
  const logs = await Promise.all((await readdir(folder)).map((file) => readFile(join(folder, file), 'utf8')));
  return logs.flatMap((log) => log.split('\n').flatMap(parseCall));
}

export function parseCall(line: string): TracedCall[] {
  const [, name, args, result] = /^(\w+)\((.*)\)\s+= (.*)$/.exec(line) ?? [];
  return name === undefined ? [] : [{ name, args: args!, result: result! }];
}

/**
 * The calls that wrote, or would have if the file system had let them. Devices such as /dev/null, pipes and what the kernel makes
 * up under /proc are no files.
 */
export function writesIn(calls: readonly TracedCall[]): TracedCall[] {
  return calls.filter(isWrite);
}

function isWrite({ name, args, result }: TracedCall): boolean {
  const failed = result.startsWith('-1 ');
  if (name === 'execve') return false;
  if (name.startsWith('open')) {
    if (/<char \d+:\d+>|<pipe:/.test(result) || /"\/proc\/(?:self|\d+)\//.test(args)) return false;
    // With O_CREAT a failure is luck: elsewhere the folder may be there.
    if (/O_CREAT|O_TMPFILE/.test(args)) return true;
    return /O_WRONLY|O_RDWR|O_TRUNC|O_APPEND/.test(args) && !failed;
  }
  // Sizing anonymous memory is no write; it has no name in any file system.
  if (name === 'ftruncate' && /<\/memfd:/.test(args)) return false;
  return !failed;
}
