import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { connectionsAt, openFilesOf } from '../../bench/support/descriptors.js';
import { collectedHeapBytes, heapArguments } from '../../bench/support/heap.js';
import { missingOf } from '../../bench/support/installed.js';

const children: ChildProcess[] = [];

function start(program: string): ChildProcess {
  const stdio = ['ignore', 'ignore', 'inherit', 'ipc'] as const;
  const child = spawn(process.execPath, [...heapArguments, '--input-type=module', '-e', program], {
    stdio: [...stdio],
  });
  children.push(child);
  return child;
}

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** Objects of some 40 MB, old enough that only a full collection takes them. */
const objects = `
  let kept = Array.from({ length: 500_000 }, (_, index) => ({ index, text: [index] }));
  gc();
  setInterval(() => {}, 1000);
`;

test('what is garbage does not count as heap, and what is held does', async () => {
  const dropped = start(`${objects} kept = undefined; process.send('made');`);
  const holding = start(`${objects} setInterval(() => kept.length, 1000); process.send('made');`);
  await Promise.all([dropped, holding].map((child) => once(child, 'message')));
  expect(await collectedHeapBytes(dropped)).toBeLessThan(15e6);
  expect(await collectedHeapBytes(holding)).toBeGreaterThan(30e6);
});

test('a process whose heap can be looked at ends when it has nothing else to do', async () => {
  const child = start('');
  expect(await once(child, 'exit')).toEqual([0, null]);
});

const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F90 0100007F:C001 01 00000000:00000000 00:00000000 00000000     0        0 12 1 0000000000000000 20 4 1 10 -1
   2: 0100007F:1F90 0100007F:C002 08 00000000:00000000 00:00000000 00000000     0        0 13 1 0000000000000000 20 4 1 10 -1
   3: 0100007F:C001 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 14 1 0000000000000000 20 4 1 10 -1
`;

test('connections to a port are those of its own side, as long as the other end has not closed them', () => {
  expect(connectionsAt(8080, table)).toEqual(new Set(['socket:[12]']));
  expect(connectionsAt(0xc001, table)).toEqual(new Set(['socket:[14]']));
});

/** Says its port, then of each connection that it is there and that the other end has closed. It never closes one itself. */
const listener = `
  import { createServer } from 'node:net';
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    process.send('accepted');
    socket.resume().once('end', () => process.send('ended'));
  });
  server.listen(0, '127.0.0.1', () => process.send(server.address().port));
`;

test.skipIf(process.platform !== 'linux')(
  'a connection of whoever asks is no open file of the asked, until it is left open',
  async () => {
    const child = start(listener);
    const [port] = (await once(child, 'message')) as [number];
    const before = await openFilesOf(child.pid!, port);
    const accepted = once(child, 'message');
    const client = connect(port, '127.0.0.1');
    await accepted;
    expect(await openFilesOf(child.pid!, port)).toBe(before);
    const ended = once(child, 'message');
    client.end();
    await ended;
    expect(await openFilesOf(child.pid!, port)).toBe(before + 1);
    client.destroy();
  },
);

test('a program that is not there is missing, one that fails is not', async () => {
  expect(await missingOf(['sidepipe-no-such-program', process.execPath])).toEqual(['sidepipe-no-such-program']);
  // Debian's `false` takes no option and fails.
  expect(await missingOf(['false'])).toEqual([]);
});
