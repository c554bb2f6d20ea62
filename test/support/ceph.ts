import { execFile } from 'node:child_process';
import { randomInt, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { messageOf } from '../../src/errors.js';
import { createDaemons } from './daemons.js';
import { until as untilTrue } from './wait.js';

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
 * Debian's packages where they are missing and this process is root. Leaves no process and no file behind. Every step of
 * its start is bounded and says what it waited for.
 */
export async function startCeph(): Promise<Ceph> {
  await install();
  const folder = await mkdtemp(join(tmpdir(), 'ceph-'));
  const [monitorPort, gatewayPort] = await freePorts(2);
  const env = { ...process.env, CEPH_CONF: join(folder, 'ceph.conf') };
  const daemons = createDaemons({ folder, env });
  const call = async (command: string, ...parameters: string[]): Promise<string> =>
    (await run(command, parameters, { env, timeout: patienceMs, killSignal: 'SIGKILL' })).stdout;
  const startGateway = async (): Promise<void> => {
    daemons.start('gateway', 'radosgw', ['-f', '-n', 'client.rgw']);
    await until("Ceph's gateway to answer", async () => {
      daemons.mustRun('gateway');
      return answers(`http://127.0.0.1:${gatewayPort}/`);
    });
  };

  const credentials = { accessKeyId: 'CEPHTESTACCESSKEY', secretAccessKey: 'ceph-test-secret-key' };
  try {
    const cluster = randomUUID();
    const disk = randomUUID();
    for (const name of ['mon', 'osd', 'rgw', 'run', 'log']) await mkdir(join(folder, name));
    await writeFile(join(folder, 'keyring'), '');
    await writeFile(join(folder, 'ceph.conf'), configuration(folder, cluster, monitorPort!, gatewayPort!));
    const map = join(folder, 'monmap');
    const address = `[v2:127.0.0.1:${monitorPort}/0]`;
    await call('monmaptool', '--create', '--clobber', '--fsid', cluster, '--addv', 'a', address, map);
    await call('ceph-mon', '--mkfs', '-i', 'a', '--monmap', map, '--keyring', join(folder, 'keyring'));
    daemons.start('monitor', 'ceph-mon', ['-f', '-i', 'a']);
    await call('ceph', 'osd', 'new', disk);
    await call('ceph-osd', '-i', '0', '--mkfs', '--osd-uuid', disk);
    daemons.start('disk', 'ceph-osd', ['-f', '-i', '0']);
    await until("Ceph's disk to be up", async () => {
      for (const name of ['monitor', 'disk']) daemons.mustRun(name);
      return (await call('ceph', 'osd', 'stat')).includes('1 up');
    });
    const { accessKeyId, secretAccessKey } = credentials;
    const keys = [`--access-key=${accessKeyId}`, `--secret-key=${secretAccessKey}`];
    await call('radosgw-admin', 'user', 'create', '--uid=test', '--display-name=test', ...keys);
    await startGateway();
  } catch (error) {
    const log = await readFile(join(folder, 'log', 'client.rgw.log'), 'utf8').catch(() => '');
    await daemons.close();
    throw new Error(`Ceph did not start: ${messageOf(error)}; its gateway said: ${log.slice(-2000)}`, { cause: error });
  }

  return {
    endpoint: `http://127.0.0.1:${gatewayPort}`,
    credentials,
    outage: () => daemons.stop('gateway'),
    resume: startGateway,
    stall: (stopped) => daemons.signal('disk', stopped ? 'SIGSTOP' : 'SIGCONT'),
    limitRequests: async (concurrent) => {
      const socket = join(folder, 'run', 'client.rgw.asok');
      await call('ceph', '--admin-daemon', socket, 'config', 'set', 'rgw_max_concurrent_requests', String(concurrent));
    },
    close: () => daemons.close(),
  };
}

const patienceMs = 60_000;
const packages = ['radosgw', 'ceph-mon', 'ceph-osd'];

async function install(): Promise<void> {
  const there = packages.every((name) => ['/usr/bin', '/usr/sbin'].some((path) => existsSync(join(path, name))));
  if (there) return;
  if (process.getuid?.() !== 0) throw new Error(`these tests need Debian's packages ${packages.join(', ')}`);
  const options = {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    maxBuffer: 64 * 1024 ** 2,
    timeout: 2 * patienceMs,
  };
  await run('apt-get', ['update', '-qq'], options);
  await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], options);
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  await untilTrue(what, holds, { timeoutMs: patienceMs, intervalMs: 50 });
}

async function answers(url: string): Promise<boolean> {
  return fetch(url, { signal: AbortSignal.timeout(5000) }).then(
    ({ ok }) => ok,
    () => false,
  );
}

/**
 * Ports that are free, below those that the system gives to connections and to servers that name none: a gateway that was
 * killed finds its own free again when it comes back.
 */
async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = randomInt(20_000, 32_000);
    if (!ports.includes(port) && (await isFree(port))) ports.push(port);
  }
  return ports;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  } catch {
    return false;
  }
  await new Promise((resolve) => server.close(resolve));
  return true;
}

/**
 * `ms mon client mode = crc` because without it the gateway hangs. `osd heartbeat grace` is the length of the lease that a
 * disk's groups give themselves to be read: what asks one for anything after its end waits for another disk's word, and here is no
 * other, so a disk that is stalled, or starved by a busy machine, for longer than 8 s would never answer again. The rest is the
 * smallest cluster that serves.
 */
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
osd heartbeat grace = 7200
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
