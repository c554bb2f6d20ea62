import { afterEach, describe, expect, it } from 'vitest';
import {
  createSink,
  decodeFlv,
  publishArguments,
  runFfmpeg,
  startTestNode,
  type TestNode,
} from '../../support/rtmp-node.js';

let node: TestNode | undefined;

afterEach(async () => {
  await node?.server.close();
  node = undefined;
});

describe('ffmpeg as publisher', () => {
  it.each([
    ['rtmp', 'live/cam?key=cam-key'],
    ['rtmp', 'live/cam-key'],
    ['rtmp', 'live/cam/cam-key'],
    ['rtmps', 'live/cam?key=cam-key'],
  ] as const)('publishes H.264 and AAC to %s://…/%s, whole and decodable', async (protocol, path) => {
    node = await startTestNode();
    const port = protocol === 'rtmp' ? node.port : node.securePort;
    const sink = createSink();
    const received = node.nextPublisher().then((publisher) => publisher.pipe(sink.target));
    const published = await runFfmpeg(publishArguments(`${protocol}://127.0.0.1:${port}/${path}`, { seconds: 2 }));
    expect(published).toMatchObject({ code: 0, stderr: '' });
    expect(await received).toBe('publisher-ended');
    expect(node.events).toMatchObject([{ type: 'ended', reason: 'unpublished', stream: 'cam' }]);
    const { videoFrames, audioFrames, errors } = await decodeFlv(sink.bytes());
    expect(errors).toBe('');
    expect(videoFrames).toBe(50);
    expect(audioFrames).toBeGreaterThan(80);
  });

  it('fails, and says why, with a wrong key', async () => {
    node = await startTestNode();
    const { code, stderr } = await runFfmpeg(publishArguments(`rtmp://127.0.0.1:${node.port}/live/cam?key=wrong`));
    expect(code).not.toBe(0);
    expect(stderr).toContain('Wrong stream key.');
  });

  it('fails as second publisher while the first goes on', async () => {
    node = await startTestNode();
    const url = `rtmp://127.0.0.1:${node.port}/live/cam?key=cam-key`;
    const stop = new AbortController();
    const first = runFfmpeg(publishArguments(url, { seconds: 60, realTime: true }), { signal: stop.signal });
    const publisher = await node.nextPublisher();
    const sink = createSink();
    const piped = publisher.pipe(sink.target);
    await sink.holds(10_000);
    const second = await runFfmpeg(publishArguments(url));
    expect(second.code).not.toBe(0);
    expect(second.stderr).toContain('Another publisher is already connected to this stream.');
    await sink.holds(sink.length + 10_000);
    stop.abort();
    await first;
    expect(await piped).toBe('publisher-ended');
    expect((await decodeFlv(sink.bytes())).videoFrames).toBeGreaterThan(5);
  });
});
