import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createDaemons } from './daemons.js';
import { until } from './wait.js';

const run = promisify(execFile);
const env = { PATH: `${process.env['PATH']}:/usr/sbin` };

export interface Nginx {
  readonly endpoint: string;
  /** `client_max_body_size` from now on; returns when the workers with the old limit have taken their last request. */
  limitBodies(size: string): Promise<void>;
  close(): Promise<void>;
}

/** A real nginx (Debian's nginx-light) with the text of an `http` block. `ready`: a URL that it answers then. */
export async function runNginx(
  make: (folder: string) => Promise<{ http: string; ready: string }>,
): Promise<{ close(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'sidepipe-nginx-'));
  const temporary = join(folder, 'temp');
  await mkdir(temporary);
  const daemons = createDaemons({ folder, env });
  const { http, ready } = await make(folder);
  const file = join(folder, 'nginx.conf');
  await writeFile(file, mainBlock(folder, http));
  // Fails where the file is wrong, and says why.
  await run('nginx', ['-t', '-q', '-p', folder, '-c', file], { env });
  daemons.start('nginx', 'nginx', ['-p', folder, '-c', file]);
  const answers = async (): Promise<boolean> => {
    daemons.mustRun('nginx');
    return fetch(ready).then(
      () => true,
      () => false,
    );
  };
  await until('nginx to answer', answers, { timeoutMs: 60_000, intervalMs: 50 });
  return { close: () => daemons.close() };
}

/** A real nginx as a proxy in front of `upstream`, a URL without a path. */
export async function startNginx(upstream: string): Promise<Nginx> {
  const folder = await mkdtemp(join(tmpdir(), 'sidepipe-nginx-'));
  await mkdir(join(folder, 'temp'));
  const daemons = createDaemons({ folder, env });
  const port = await freePort();
  const file = join(folder, 'nginx.conf');
  const configure = (size: string): Promise<void> => writeFile(file, configuration({ folder, port, upstream, size }));
  await configure('64m');
  daemons.start('nginx', 'nginx', ['-p', folder, '-c', file]);
  const endpoint = `http://127.0.0.1:${port}`;
  const answers = async (): Promise<number | undefined> => {
    daemons.mustRun('nginx');
    return fetch(endpoint).then(
      ({ status }) => status,
      () => undefined,
    );
  };
  await until('nginx to answer', async () => (await answers()) !== undefined, { timeoutMs: 30_000, intervalMs: 50 });
  return {
    endpoint,
    async limitBodies(size) {
      await configure(size);
      // Fails where the file is wrong, which the signal would hide.
      await run('nginx', ['-t', '-q', '-p', folder, '-c', file], { env });
      daemons.signal('nginx', 'SIGHUP');
      const limited = async (): Promise<boolean> => (await limitOf(endpoint)) === size;
      await until(`nginx with a limit of ${size}`, limited, { timeoutMs: 30_000, intervalMs: 50 });
    },
    close: () => daemons.close(),
  };
}

interface Configuration {
  readonly folder: string;
  readonly port: number;
  readonly upstream: string;
  readonly size: string;
}

function configuration({ folder, port, upstream, size }: Configuration): string {
  return mainBlock(
    folder,
    `
  client_max_body_size ${size};
  server {
    listen 127.0.0.1:${port};
    location = /nginx-limit { add_header x-limit ${size}; return 204; }
    location / { proxy_pass ${upstream}; proxy_set_header Host $http_host; proxy_http_version 1.1; }
  }`,
  );
}

function mainBlock(folder: string, http: string): string {
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
daemon off;
${user}
worker_processes 1;
pid ${folder}/pid;
error_log ${folder}/error.log;
events { worker_connections 4096; }
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path ${folder}/temp/${name};`).join(' ')}
  ${http}
}
`;
}

/** A worker that is on its way out may end the connection. */
async function limitOf(endpoint: string): Promise<string | null> {
  const response = await fetch(`${endpoint}/nginx-limit`, { headers: { connection: 'close' } }).catch(() => undefined);
  return response?.headers.get('x-limit') ?? null;
}

/** A TCP port of loopback that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
