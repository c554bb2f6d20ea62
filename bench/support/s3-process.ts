import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startS3Server } from '../../test/support/s3/server.js';

interface Address {
  readonly endpoint: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** The tests' S3 server in a process of its own, so that it takes no time from what is measured. Its bucket is `live`. */
export interface S3Process extends Address {
  /** How fast each connection takes what is put, in bytes a second; undefined: as fast as it goes. */
  limitLink(bytesPerSecond: number | undefined): Promise<void>;
  close(): Promise<void>;
}

export async function startS3Process(): Promise<S3Process> {
  const child = fork(fileURLToPath(import.meta.url), ['serve'], { execArgv: process.execArgv });
  const [address] = (await once(child, 'message')) as [Address];
  return {
    ...address,
    async limitLink(bytesPerSecond) {
      child.send({ bytesPerSecond: bytesPerSecond ?? null });
      await once(child, 'message');
    },
    async close() {
      child.disconnect();
      await once(child, 'exit');
    },
  };
}

if (process.send !== undefined && process.argv[1] === fileURLToPath(import.meta.url)) {
  // The bare client's connections wait for the publisher's turns, about 6 s: as long as Node keeps them. A put on one that is
  // being closed fails, and nothing repeats it.
  const server = await startS3Server({ keepAliveMs: 600_000 });
  process.send({ endpoint: server.endpoint, credentials: server.credentials });
  // Segments are not kept, or the process would grow by gigabytes; the log neither.
  const timer = setInterval(() => {
    server.clearLog();
    const objects = server.objects() as Map<string, unknown>;
    for (const key of objects.keys()) if (objects.size > 300 && key.endsWith('.ts')) objects.delete(key);
  }, 500);
  process.on('message', ({ bytesPerSecond }: { bytesPerSecond: number | null }) => {
    server.faults.clear();
    if (bytesPerSecond !== null) server.faults.add({ fault: { kind: 'trickle', bytesPerSecond }, method: 'PUT' });
    process.send?.('done');
  });
  process.on('disconnect', () => {
    clearInterval(timer);
    void server.close().then(() => process.exit(0));
  });
}
