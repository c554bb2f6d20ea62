import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { connectReused, readReused } from '../../src/io/reused-reads.js';
import { until } from '../support/wait.js';

const PIPES = ['ignore', 'pipe', 'inherit', 'pipe'] as const;
const MEGABYTE = 1_000_000;

/** Counts bytes, and in how much memory they came. */
function counter() {
  const memories = new Set<ArrayBufferLike>();
  let bytes = 0;
  return {
    memories,
    get bytes() {
      return bytes;
    },
    take(piece: Buffer) {
      bytes += piece.length;
      memories.add(piece.buffer);
    },
  };
}

async function listening(onSocket: (socket: Socket) => void) {
  const server = createServer(onSocket).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

describe.runIf(process.platform !== 'win32')('reused reads', () => {
  test('read all pipes of a child into one piece of memory, until each has ended', async () => {
    const script = `head -c ${MEGABYTE} /dev/zero; head -c ${2 * MEGABYTE} /dev/zero >&3`;
    const child = spawn('sh', ['-c', script], { stdio: [...PIPES] });
    const [one, other] = [counter(), counter()];
    const ended = Promise.all(
      [readReused(child.stdout!, one.take), readReused(child.stdio[3] as Readable, other.take)].map((pipe) =>
        once(pipe, 'end'),
      ),
    );
    const [code] = (await once(child, 'close')) as [number];
    await ended;
    expect({ code, one: one.bytes, other: other.bytes }).toEqual({ code: 0, one: MEGABYTE, other: 2 * MEGABYTE });
    expect(new Set([...one.memories, ...other.memories]).size).toBe(1);
  });

  test('a child is closed only once what it left in its pipes was read', async () => {
    const child = spawn('sh', ['-c', `head -c 100000 /dev/zero`], { stdio: [...PIPES] });
    const read = counter();
    readReused(child.stdout!, read.take);
    await once(child, 'close');
    expect(read.bytes).toBe(100_000);
  });

  test('a connection that came in can be paused, answers, and counts until it is closed', async () => {
    const read = counter();
    const accepted: Socket[] = [];
    const { server, port } = await listening((socket) => {
      const own = readReused(socket, read.take) as Socket;
      own.pause();
      accepted.push(own);
    });
    const client = connect(port, '127.0.0.1');
    client.end(Buffer.alloc(MEGABYTE));
    const own = await until('a connection', () => accepted[0]);
    expect(own.remoteAddress).toBe('127.0.0.1');
    expect(read.bytes).toBe(0);
    own.resume();
    const said = once(client, 'data');
    own.write('thanks');
    expect(String((await said)[0])).toBe('thanks');
    await once(own, 'end');
    expect(read.bytes).toBe(MEGABYTE);
    expect(read.memories.size).toBe(1);
    server.close();
    own.destroy();
    await once(server, 'close');
  });

  test('a connection that was opened is read in the same way', async () => {
    const { server, port } = await listening((socket) => socket.end(Buffer.alloc(MEGABYTE)));
    const read = counter();
    const socket = connectReused({ host: '127.0.0.1', port }, read.take);
    await once(socket, 'end');
    expect({ bytes: read.bytes, memories: read.memories.size }).toEqual({ bytes: MEGABYTE, memories: 1 });
    server.close();
  });

  test('a stream that was read before loses nothing and is read as usual', async () => {
    const child = spawn('sh', ['-c', `head -c ${MEGABYTE} /dev/zero`], { stdio: [...PIPES] });
    await once(child.stdout!, 'readable');
    const read = counter();
    expect(readReused(child.stdout!, read.take)).toBe(child.stdout);
    child.stdout!.resume();
    await once(child, 'close');
    expect(read.bytes).toBe(MEGABYTE);
  });
});
