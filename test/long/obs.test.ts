import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import sharp from 'sharp';
import { expect, it, onTestFinished } from 'vitest';
import { startNode, type TestNode } from '../support/node.js';
import { createPlaylistChecker } from '../support/playlist-check.js';
import { until } from '../support/wait.js';

/**
 * What OBS Studio 29.0.2 (Debian 12's, libobs 29.0.2.1-1+b1) sent to a node: its handshake, which is a plain one, its commands, and
 * the first ten seconds of H.264 High with B-frames and AAC, up to and with the eleventh keyframe. The scene is four squares.
 */
const recording = new URL('../support/obs-29.0.2.rtmp', import.meta.url);
const recordedKey = 'obs-records-its-own-handshake';
const packetBytes = 1536;
/** Behind the fifth keyframe. */
const paceFrom = 13_343;

const start = (key: string) =>
  startNode({
    streams: [
      {
        name: 'stage',
        source: 'push',
        keys: [key],
        hls: { segmentSeconds: 1 },
        thumbnail: { intervalSeconds: 2, width: 320 },
      },
    ],
  });

/** Sends the recording as OBS did: C0 and C1, and the rest once the server's side of the handshake is there. */
async function replay(node: TestNode): Promise<Socket> {
  const bytes = await readFile(recording);
  const socket = connect(node.node.rtmpAddresses.rtmp!.port, '127.0.0.1');
  socket.setNoDelay(true);
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  const answer: Buffer[] = [];
  socket.on('data', (piece: Buffer) => answer.push(piece));
  const answered = () => answer.reduce((sum, { length }) => sum + length, 0);
  socket.write(bytes.subarray(0, 1 + packetBytes));
  await until('S0, S1 and S2', () => answered() >= 1 + 2 * packetBytes);
  // S2 is C1 again, by which OBS's librtmp knows the other side.
  expect(Buffer.concat(answer).subarray(1 + packetBytes, 1 + 2 * packetBytes)).toEqual(
    bytes.subarray(1, 1 + packetBytes),
  );
  const write = (from: number, to: number) =>
    new Promise<void>((resolve) => socket.write(bytes.subarray(from, to), () => resolve()));
  for (let at = 1 + packetBytes; at < paceFrom; at += 100) await write(at, Math.min(at + 100, paceFrom));
  // A picture is dated, and so shown, when packets come at their own pace.
  for (let at = paceFrom; at < bytes.length && !socket.closed; at += 400) {
    await write(at, at + 400);
    await delay(200);
  }
  return socket;
}

it('takes what OBS sends', async () => {
  const node = await start(recordedKey);
  const socket = await replay(node);
  // Live it is until it misses what does not come.
  const stream = node.node.streams.get('stage')!;
  await until('pictures and segments', async () => {
    return stream.describe().thumbnail.captured > 0 && (await node.segments('stage')).length >= 6;
  });
  expect(node.log.map(({ msg }) => msg)).toContain('stream live');
  const { hls, thumbnail } = await node.stream('stage');
  expect(hls).toMatchObject({ codecs: 'avc1.64001e,mp4a.40.2', resolution: '640x360' });
  expect(thumbnail.decoderErrors).toBe(0);
  const { entries } = createPlaylistChecker().check((await node.text('/live/stage/source/index.m3u8')).body);
  // Its keyframes come a little sooner than every second.
  for (const { durationSeconds } of entries) expect([1, 2]).toContain(Math.round(durationSeconds));
  for (const url of await node.segments('stage')) expect((await node.bytes(url)).status).toBe(200);
  const { body } = await node.bytes('/live/stage/thumbnail.jpg');
  const squares = [
    [80, 45],
    [240, 45],
    [80, 135],
    [240, 135],
  ];
  const picture = sharp(body).raw();
  const { data, info } = await picture.toBuffer({ resolveWithObject: true });
  const colours = squares.map(([x, y]) => {
    const at = (y! * info.width + x!) * info.channels;
    return [...data.subarray(at, at + 3)].map((value) => Math.round(value / 32));
  });
  // Orange, blue, white, green, in steps of 32.
  expect(colours).toEqual([
    [8, 4, 0],
    [0, 0, 8],
    [8, 8, 8],
    [0, 5, 0],
  ]);
  expect(socket.closed).toBe(false);
});

it('refuses OBS with another key', async () => {
  const node = await start('a-key-that-obs-does-not-have');
  const socket = await replay(node);
  if (!socket.closed) await once(socket, 'close');
  expect((await node.stream('stage')).state).toBe('idle');
  expect(JSON.stringify(node.log)).not.toContain(recordedKey);
});
