import { expect, it, onTestFinished } from 'vitest';
import type { RtmpMessage } from '../../../src/ingest/rtmp/protocol/message.js';
import { mediaMessage, metadataMessage } from '../../support/rtmp-bytes.js';
import { createRtmpClient } from '../../support/rtmp-client.js';
import { startTestNode } from '../../support/rtmp-node.js';

const video = mediaMessage('video', 0, Uint8Array.of(0x17, 0, 0, 0, 0, 1, 0x64, 0, 0x1f, 0xff));
const audio = mediaMessage('audio', 0, Uint8Array.of(0xaf, 0, 0x12, 0x10));
const silent = metadataMessage({ videocodecid: 7 });

it.each<[string, boolean, RtmpMessage[]]>([
  ['metadata of video alone', true, [silent, video]],
  ['metadata of both', false, [metadataMessage({ videocodecid: 7, audiocodecid: 10 }), video]],
  ['metadata that names neither', false, [metadataMessage({ width: 640 }), video]],
  ['no metadata', false, [video]],
  ['metadata of video alone, and sound', false, [silent, audio, video]],
])('a publisher with %s promises no sound: %s', async (_, isSilent, messages) => {
  const node = await startTestNode();
  onTestFinished(() => node.server.close());
  const client = await createRtmpClient({ port: node.port });
  onTestFinished(() => client.close());
  await client.publish('cam?key=cam-key');
  const publisher = await node.nextPublisher();
  for (const message of messages) await client.send(message);
  expect(await publisher.videoCodec(AbortSignal.timeout(10_000))).toBe('h264');
  expect(publisher.isSilent).toBe(isSilent);
});
