import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readBounded } from '../../src/io/read-bounded.js';
import { createDirectoryStore } from '../../src/storage/directory.js';
import { mostBytesOf } from '../../src/storage/keys.js';
import { createMemoryStore } from '../../src/storage/memory.js';
import { createS3Store } from '../../src/storage/s3.js';
import type { ObjectStore } from '../../src/storage/store.js';
import { s3ConfigFor } from '../support/s3/config.js';
import { collect, failureOf, objectOf } from './contract.js';

const credentials = { accessKeyId: 'TESTACCESSKEYID00000', secretAccessKey: 'test/secret' };

/** A server that answers as it likes, and tells how much it could send and when its connections end. */
let server: Server;
let store: ObjectStore;
let answer: (response: ServerResponse) => void;
let sent = 0;
let closed = 0;

beforeEach(async () => {
  [sent, closed] = [0, 0];
  server = createServer((request, response) => request.resume().on('end', () => answer(response)));
  server.on('connection', (socket) => {
    socket.on('close', () => {
      closed += 1;
    });
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  store = await createS3Store(s3ConfigFor({ endpoint, credentials }));
});
afterEach(async () => {
  await store.close();
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

/** Sends zeros until nobody takes them any more. */
function pour(response: ServerResponse): void {
  const piece = Buffer.alloc(64 * 1024);
  const more = (): void => {
    while (!response.destroyed) {
      sent += piece.byteLength;
      if (!response.write(piece)) {
        response.once('drain', more);
        return;
      }
    }
  };
  more();
}

describe('a store that answers with more than is asked for', () => {
  const sizes = { 'content-length': String(60 * 1024 ** 3), etag: '"x"' };

  it.each([
    ['the lease', 'cam/lease.json', 64 * 1024],
    ['the multivariant playlist', 'cam/index.m3u8', 1024 ** 2],
    ['a playlist', 'cam/source/index.m3u8', 64 * 1024 ** 2],
    ['the saved streams', '_state/streams.sealed', 64 * 1024 ** 2],
  ])('%s: 60 GB by Content-Length is an error before a byte of it is read', async (_, key, limit) => {
    answer = (response) => {
      response.writeHead(200, sizes);
      pour(response);
    };
    const failure = await failureOf(store.get(key));
    expect(failure).toMatchObject({ code: 'storage-failed', details: { limit } });
    expect(failure.message).toContain(String(limit));
    await expect.poll(() => closed).toBe(1);
    // What the sockets of both sides hold.
    expect(sent).toBeLessThan(16 * 1024 ** 2);
  });

  it('without a length is cut off at the limit, its connection released, and the next call works', async () => {
    answer = (response) => {
      response.writeHead(200, { etag: '"x"' });
      pour(response);
    };
    expect((await failureOf(store.get('cam/lease.json'))).code).toBe('storage-failed');
    await expect.poll(() => closed).toBe(1);
    answer = (response) => response.writeHead(200, { etag: '"x"', 'content-length': '2' }).end('{}');
    expect(Buffer.from((await store.get('cam/lease.json'))!.body).toString()).toBe('{}');
  });

  it.each([
    ['put', () => store.put(objectOf('cam/a.ts'))],
    ['list', () => collect(store.list('cam/'))],
    ['delete', () => store.delete(['cam/a.ts', 'cam/b.ts'])],
  ] as const)('an answer to %s has a limit too, and so has an error', async (_, call) => {
    for (const status of [200, 500]) {
      answer = (response) => {
        response.writeHead(status, { 'content-type': 'application/xml' });
        pour(response);
      };
      await failureOf(call());
    }
    await expect.poll(() => closed).toBe(2);
    expect(sent).toBeLessThan(64 * 1024 ** 2);
  });

  it('an entity bomb never reaches the XML parser', async () => {
    const bomb =
      '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>' +
      '<Error><Code>&b;</Code><Message>&b;</Message></Error>';
    answer = (response) => response.writeHead(400, { 'content-type': 'application/xml' }).end(bomb);
    const failure = await failureOf(store.put(objectOf('cam/a.ts')));
    expect(failure).toMatchObject({ code: 'storage-refused', details: { status: 400, vendorCode: 'HTTP400' } });
    expect(failure.message).not.toContain('aaaaaaaaaa');
  });

  it('a listing that never ends is ended', async () => {
    answer = (response) =>
      response
        .writeHead(200, { 'content-type': 'application/xml' })
        .end(
          '<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>again</NextContinuationToken>' +
            '<Contents><Key>cam/a.ts</Key><Size>1</Size></Contents></ListBucketResult>',
        );
    expect((await failureOf(collect(store.list('cam/')))).message).toContain('repeatedly');
  });
});

describe('a body in crumbs', () => {
  /** The bytes that were copied to gather it, counted, because times say nothing on a busy machine. */
  async function gather(bytes: number): Promise<number> {
    const original = Buffer.prototype.copy;
    let copied = 0;
    Buffer.prototype.copy = function copy(this: Buffer, ...args: Parameters<typeof original>) {
      const count = original.apply(this, args);
      copied += count;
      return count;
    };
    try {
      const crumbs = Readable.from(
        (function* crumb() {
          for (let i = 0; i < bytes; i += 1) yield Buffer.from([i % 256]);
        })(),
      );
      const { bytes: body } = await readBounded(crumbs, { limit: 10_000_000 });
      expect(body.byteLength).toBe(bytes);
      expect(body[bytes - 1]).toBe((bytes - 1) % 256);
      return copied;
    } finally {
      Buffer.prototype.copy = original;
    }
  }

  it('costs a few copies of its length, however long it is', async () => {
    for (const bytes of [1000, 10_000, 100_000]) expect(await gather(bytes)).toBeLessThan(3 * bytes + 4096);
  });
});

describe('other stores', () => {
  it('a directory does not read what is larger than its kind, however sparse', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sidepipe-limits-'));
    const directory = await createDirectoryStore({ path: folder });
    await directory.put(objectOf('cam/lease.json', '{}'));
    expect((await directory.get('cam/lease.json'))?.bytes).toBe(2);
    await writeFile(join(folder, 'cam', 'lease.json'), '');
    await truncate(join(folder, 'cam', 'lease.json'), 60 * 1024 ** 3);
    expect(await failureOf(directory.get('cam/lease.json'))).toMatchObject({ code: 'storage-failed' });
    await directory.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('the caller can ask for less', async () => {
    const memory = createMemoryStore();
    await memory.put(objectOf('cam/a.ts', Buffer.alloc(100)));
    expect((await memory.get('cam/a.ts', { mostBytes: 100 }))?.bytes).toBe(100);
    expect((await failureOf(memory.get('cam/a.ts', { mostBytes: 99 }))).code).toBe('storage-failed');
    expect(mostBytesOf('cam/lease.json')).toBeLessThan(mostBytesOf('cam/source/s-1.ts'));
  });
});
