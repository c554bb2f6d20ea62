import { readdir, readFile, readlink } from 'node:fs/promises';

/**
 * A process's open file descriptors, without the connections to its own IPv4 port that their other end keeps open: those are
 * there because somebody asks, and whoever measures asks. One that the other end has closed counts. Linux only.
 */
export async function openFilesOf(pid: number, port: number): Promise<number> {
  const folder = `/proc/${pid}/fd`;
  const links = await Promise.all(
    (await readdir(folder)).map((descriptor) => readlink(`${folder}/${descriptor}`).catch(() => undefined)),
  );
  const connections = connectionsAt(port, await readFile(`/proc/${pid}/net/tcp`, 'utf8'));
  return links.filter((link) => link !== undefined && !connections.has(link)).length;
}

/** Established connections to a local port in /proc/[pid]/net/tcp, as their descriptors are called: `socket:[inode]`. Pure. */
export function connectionsAt(port: number, table: string): Set<string> {
  const rows = table.split('\n').map((line) => line.trim().split(/\s+/));
  const isThere = ([, local, , state]: readonly string[]) =>
    Number.parseInt(local?.split(':')[1] ?? '', 16) === port && state === ESTABLISHED;
  return new Set(rows.filter(isThere).map((row) => `socket:[${row[9]}]`));
}

const ESTABLISHED = '01';
