import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { type S3Server, startS3Server } from '../support/s3/server.js';
import { parsePlaylist } from './publish/studio.js';

const playlist = 'demo/source/index.m3u8';
const script = fileURLToPath(new URL('../support/publisher-child.ts', import.meta.url));

const children: ChildProcess[] = [];
let server: S3Server | undefined;
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  await server?.close();
});

function startNode({ endpoint, credentials }: S3Server, session: string): ChildProcess {
  const { accessKeyId, secretAccessKey } = credentials;
  const options = ['--no-warnings', '--import', 'tsx', script, endpoint, accessKeyId, secretAccessKey, session];
  const child = spawn(process.execPath, options, { stdio: 'ignore' });
  children.push(child);
  return child;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}

it('a process killed with SIGKILL while it uploads, and started again', async () => {
  const s3 = await startS3Server();
  server = s3;
  // Slow enough that there is always an upload on its way.
  s3.faults.add({ fault: { kind: 'trickle', bytesPerSecond: 1_000_000 }, method: 'PUT', key: /\.ts$/ });
  const sessions: string[] = [];
  const problems: string[] = [];
  const read = () => {
    const body = s3.objects().get(playlist)?.body;
    return body && parsePlaylist(Buffer.from(body).toString('utf8'));
  };
  const check = (): void => {
    const { segments } = read()!;
    const session = segments[0]!.file.split('-')[0]!;
    if (sessions.at(-1) !== session) sessions.push(session);
    for (const { file, gap } of segments) {
      if (!gap && !s3.objects().has(`demo/source/${file}`)) problems.push(`${file} is listed and not there`);
    }
  };
  s3.observe(({ key }) => {
    if (key === playlist) check();
  });
  const end = (): number => read()?.segments.at(-1)?.sequence ?? 0;

  const first = startNode(s3, 'aaa');
  await until(() => end() > 10);
  first.kill('SIGKILL');
  await once(first, 'exit');
  check();
  startNode(s3, 'bbb');
  await until(() => sessions.includes('bbb') && end() > 10);
  await until(() => ![...s3.objects().keys()].some((key) => key.includes('aaa-')));
  check();
  expect(sessions).toEqual(['aaa', 'bbb']);
  expect(problems).toEqual([]);
});
