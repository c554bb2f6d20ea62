import { connect } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { createNode } from '../../src/index.js';

/** What programs that embed a node may do with it, in any order. */

function makeNode() {
  const log: string[] = [];
  const node = createNode(
    { http: { host: '127.0.0.1', port: 0 }, streams: [{ name: 'cam', source: 'test' }], guard: { enabled: false } },
    { log: { write: (line) => void log.push((JSON.parse(line) as { msg: string }).msg) } },
  );
  onTestFinished(() => node.close(), 20_000);
  return { node, log };
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
    socket.unref().end();
  });
}

const aborted = { name: 'SidepipeError', code: 'aborted', fault: 'caller' };

it('ends a start that is under way: nothing is left running', async () => {
  const { node, log } = makeNode();
  const starting = expect(node.start()).rejects.toMatchObject(aborted);
  await node.close();
  await starting;
  expect(log.at(-1)).toBe('shut down');
  expect(node.streams.list()).toEqual([]);
  expect(node.address).toBeUndefined();
});

it('ends a start that has come as far as its listener', async () => {
  const log: string[] = [];
  let closing: Promise<void> | undefined;
  const node = createNode(
    { http: { host: '127.0.0.1', port: 0 }, streams: [{ name: 'cam', source: 'test' }], guard: { enabled: false } },
    {
      log: {
        write(line) {
          log.push((JSON.parse(line) as { msg: string }).msg);
          if (log.at(-1) === 'listening for HTTP') closing = node.close();
        },
      },
    },
  );
  await expect(node.start()).rejects.toMatchObject(aborted);
  await closing;
  expect(log.at(-1)).toBe('shut down');
  expect(log).not.toContain('stream added');
  expect(await isOpen(node.address!.port)).toBe(false);
});

it('stays closed, and says so', async () => {
  const { node, log } = makeNode();
  await node.close();
  await expect(node.start()).rejects.toMatchObject({ ...aborted, message: 'node closed' });
  expect(log).toEqual(['shut down']);
});

it('starts once and closes once, however often it is told to', async () => {
  const { node, log } = makeNode();
  expect(node.streams.list()).toEqual([]);
  await Promise.all([node.start(), node.start()]);
  await node.start();
  await Promise.all([node.close(), node.close()]);
  await node.close();
  for (const once of ['node starting', 'listening for HTTP', 'shut down'])
    expect(log.filter((line) => line === once)).toHaveLength(1);
});

it('is closed where `await using` leaves its block', async () => {
  const { node, log } = makeNode();
  await node[Symbol.asyncDispose]();
  expect(log).toEqual(['shut down']);
});
