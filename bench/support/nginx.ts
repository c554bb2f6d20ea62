import { mkdir, mkdtemp, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { openToAll } from '../../src/http/response/headers.js';
import { freePort } from './free-port.js';
import { startServerProcess } from './server-process.js';

/** Debian's nginx, which serves files out of memory. */
export interface Nginx {
  readonly url: string;
  /** Puts a file under a path. */
  put(path: string, body: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

export interface NginxOptions {
  /** `auto`: one a core. Default 1. */
  readonly workers?: number | 'auto';
}

/** Throws when nginx is not installed. */
export async function startNginx({ workers = 1 }: NginxOptions = {}): Promise<Nginx> {
  // Memory, as the node's own bytes are.
  const folder = await mkdtemp('/dev/shm/sidepipe-nginx-');
  const port = await freePort();
  await writeFile(join(folder, 'nginx.conf'), configOf({ folder, port, workers }));
  const url = `http://127.0.0.1:${port}`;
  const { close } = await startServerProcess({
    command: ['nginx', '-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr'],
    folder,
    spawn: { stdio: 'ignore' },
    answersAt: url,
    missing: 'apt-get install nginx-light first',
  });
  return {
    url,
    async put(path, body) {
      const file = join(folder, 'root', path);
      await mkdir(dirname(file), { recursive: true });
      // Never in place: nginx may be sending it, and remembers its length.
      await writeFile(`${file}.new`, body);
      await rename(`${file}.new`, file);
    },
    close,
  };
}

/** As fast as it is commonly set up, with the headers that the node sends too. */
function configOf({ folder, port, workers }: { folder: string; port: number; workers: number | 'auto' }): string {
  const open = Object.entries(openToAll).map(([name, value]) => `    add_header ${name} "${value}";`);
  return `daemon off;
user root;
worker_processes ${workers};
pid ${folder}/pid;
error_log stderr crit;
events { worker_connections 4096; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  open_file_cache max=1000 inactive=60s;
  open_file_cache_valid 1s;
  etag on;
  types {
    application/vnd.apple.mpegurl m3u8;
    video/mp2t ts;
    image/jpeg jpg;
  }
  server {
    listen 127.0.0.1:${port};
    root ${folder}/root;
    add_header Cache-Control "public, max-age=1";
${open.join('\n')}
  }
}
`;
}
