import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Ceph {
  /** `http://127.0.0.1:port`; path style. */
  readonly endpoint: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Kills the gateway: connections are refused until `resume`. */
  outage(): Promise<void>;
  resume(): Promise<void>;
  /** Stops the disk: requests hang until it is false. */
  stall(stopped: boolean): void;
  /** Beyond this many requests at a time the gateway answers 503 SlowDown. */
  limitRequests(concurrent: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * A real S3 server: Ceph's RADOS gateway with one monitor and one disk in memory, on free ports of 127.0.0.1. Installs
 * Debian's packages where they are missing and this process is root. Leaves no process and no file behind.
 */
export async function startCeph(): Promise<Ceph> {
  await install();
  const folder = await mkdtemp(join(tmpdir(), 'ceph-'));
  const [monitorPort, gatewayPort] = await freePorts(2);
  const environment = { ...process.env, CEPH_CONF: join(folder, 'ceph.conf') };
  const daemons = new Map<string, ChildProcess>();

  const call = async (command: string, ...parameters: string[]): Promise<string> =>
    (await run(command, parameters, { env: environment, timeout: 60_000 })).stdout;
  const start = (name: string, command: string, ...parameters: string[]): void => {
    // The daemons end with the tests, however those end.
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', command, '-f', ...parameters], {
      env: environment,
      stdio: 'ignore',
    });
    daemons.set(name, child);
  };
  const stop = async (name: string): Promise<void> => {
    const child = daemons.get(name);
    daemons.delete(name);
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGKILL');
    await ended;
  };
  const close = async (): Promise<void> => {
    for (const name of ['gateway', 'disk', 'monitor']) await stop(name);
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  const startGateway = async (): Promise<void> => {
    start('gateway', 'radosgw', '-n', 'client.rgw');
    await until('the gateway', async () => (await fetch(`http://127.0.0.1:${gatewayPort}/`)).ok);
  };

  const credentials = { accessKeyId: 'CEPHTESTACCESSKEY', secretAccessKey: 'ceph-test-secret-key' };
  try {
    const cluster = randomUUID();
    const disk = randomUUID();
    for (const name of ['mon', 'osd', 'rgw', 'run', 'log']) await mkdir(join(folder, name));
    await writeFile(join(folder, 'keyring'), '');
    await writeFile(join(folder, 'ceph.conf'), configuration(folder, cluster, monitorPort!, gatewayPort!));
    const map = join(folder, 'monmap');
    await call(
      'monmaptool',
      '--create',
      '--clobber',
      '--fsid',
      cluster,
      '--addv',
      'a',
      `[v2:127.0.0.1:${monitorPort}/0]`,
      map,
    );
    await call('ceph-mon', '--mkfs', '-i', 'a', '--monmap', map, '--keyring', join(folder, 'keyring'));
    start('monitor', 'ceph-mon', '-i', 'a');
    await call('ceph', 'osd', 'new', disk);
    await call('ceph-osd', '-i', '0', '--mkfs', '--osd-uuid', disk);
    start('disk', 'ceph-osd', '-i', '0');
    await until('the disk', async () => (await call('ceph', 'osd', 'stat')).includes('1 up'));
    const { accessKeyId, secretAccessKey } = credentials;
    const user = [
      '--uid=test',
      '--display-name=test',
      `--access-key=${accessKeyId}`,
      `--secret-key=${secretAccessKey}`,
    ];
    await call('radosgw-admin', 'user', 'create', ...user);
    await startGateway();
  } catch (error) {
    const log = await readFile(join(folder, 'log', 'client.rgw.log'), 'utf8').catch(() => '');
    await close();
    throw new Error(`Ceph did not start: ${log.slice(-2000)}`, { cause: error });
  }

  return {
    endpoint: `http://127.0.0.1:${gatewayPort}`,
    credentials,
    outage: () => stop('gateway'),
    resume: startGateway,
    stall: (stopped) => void daemons.get('disk')?.kill(stopped ? 'SIGSTOP' : 'SIGCONT'),
    limitRequests: async (concurrent) => {
      const socket = join(folder, 'run', 'client.rgw.asok');
      await call('ceph', '--admin-daemon', socket, 'config', 'set', 'rgw_max_concurrent_requests', String(concurrent));
    },
    close,
  };
}

const packages = ['radosgw', 'ceph-mon', 'ceph-osd'];

async function install(): Promise<void> {
  const there = packages.every((name) => ['/usr/bin', '/usr/sbin'].some((path) => existsSync(join(path, name))));
  if (there) return;
  if (process.getuid?.() !== 0) throw new Error(`these tests need Debian's packages ${packages.join(', ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['update', '-qq'], { env });
  await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], {
    env,
    maxBuffer: 64 * 1024 ** 2,
  });
}

/** Ports that were free together a moment ago. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ports.push((server.address() as { port: number }).port);
  }
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000;
  while (!(await holds().catch(() => false))) {
    if (Date.now() > end) throw new Error(`${what} of Ceph does not come up`);
    await delay(50);
  }
}

/** `ms mon client mode = crc` because without it the gateway hangs; the rest is the smallest cluster that serves. */
const configuration = (folder: string, cluster: string, monitorPort: number, gatewayPort: number): string => `[global]
fsid = ${cluster}
mon host = [v2:127.0.0.1:${monitorPort}/0]
mon initial members = a
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc
ms bind ipv6 = false
run dir = ${folder}/run
admin socket = ${folder}/run/$name.asok
log file = ${folder}/log/$name.log
keyring = ${folder}/keyring
paxos propose interval = 0.05
paxos min wait = 0.01
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
[mon]
mon data = ${folder}/mon
mon data avail crit = 1
[osd]
osd data = ${folder}/osd
osd objectstore = memstore
memstore device bytes = 4294967296
[client.rgw]
rgw data = ${folder}/rgw
rgw frontends = beast endpoint=127.0.0.1:${gatewayPort}
`;
