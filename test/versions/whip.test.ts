import { expect, it, vi } from 'vitest';
import { providedFfmpeg } from '../support/ffmpeg.js';
import { startNode } from '../support/node.js';
import { connectWhip } from '../support/whip-client.js';

/** Matroska with H.264 and Opus on a pipe, as a WHIP publisher is written to ffmpeg. */

it.each(['4.1-x64', '5.1', '7.1', '9.0.2', 'sid'])('ffmpeg %s plays a WHIP publisher', async (version) => {
  const node = await startNode({
    ffmpeg: { path: providedFfmpeg(version) },
    webrtc: { enabled: true, port: 0, host: '127.0.0.1', publicAddresses: ['127.0.0.1'] },
    streams: [
      {
        name: 'stage',
        source: 'push',
        keys: ['first-key-1'],
        hls: { segmentSeconds: 1 },
        thumbnail: { intervalSeconds: 1, width: 320 },
      },
    ],
  });
  const client = await connectWhip({ url: `${node.url}/live/stage/whip`, key: 'first-key-1' });
  expect(client.response.status, client.body).toBe(201);
  client.send();
  await vi.waitFor(
    async () => {
      const { state, hls, thumbnail } = await node.stream('stage');
      expect([state, hls.segments > 3, thumbnail.state, hls.audio?.sourceCodec]).toEqual([
        'live',
        true,
        'fresh',
        'opus',
      ]);
    },
    { timeout: 60_000, interval: 100 },
  );
  expect((await node.text('/live/stage/index.m3u8')).body).toMatch(/CODECS="avc1\.[0-9A-Fa-f]{6},mp4a\.40\.2"/);
  const { ffmpeg, thumbnail } = await node.stream('stage');
  expect([ffmpeg.restarts, thumbnail.decoderErrors]).toEqual([0, 0]);
});
