import { afterEach, describe, expect, it } from 'vitest';
import { createSink, decodeFlv, run, startTestNode, type TestNode } from '../support/rtmp-node.js';

// Needs Debian's gstreamer1.0-tools, gstreamer1.0-plugins-base, -good, -bad and -ugly. rtmpsink is librtmp.

let node: TestNode | undefined;

afterEach(async () => {
  await node?.server.close();
  node = undefined;
});

const videoFrames = 60;

function pipeline(sink: string, location: string, properties: readonly string[] = []): string[] {
  return [
    ...['-e', 'flvmux', 'name=mux', 'streamable=true', '!', sink, `location=${location}`, ...properties],
    ...[
      'videotestsrc',
      `num-buffers=${videoFrames}`,
      'pattern=ball',
      '!',
      'video/x-raw,format=I420,width=320,height=180,framerate=30/1',
    ],
    ...['!', 'x264enc', 'speed-preset=ultrafast', 'key-int-max=30', '!', 'h264parse', '!', 'queue', '!', 'mux.'],
    ...['audiotestsrc', 'num-buffers=86', '!', 'audio/x-raw,rate=44100,channels=2', '!', 'voaacenc', '!', 'aacparse'],
    ...['!', 'queue', '!', 'mux.'],
  ];
}

describe.each(['rtmpsink', 'rtmp2sink'])('GStreamer %s as publisher', (sink) => {
  it.each(['live/cam?key=cam-key', 'live/cam-key'])('publishes H.264 and AAC to %s', async (path) => {
    node = await startTestNode();
    const flv = createSink();
    const received = node.nextPublisher().then((publisher) => publisher.pipe(flv.target));
    const published = await run('gst-launch-1.0', pipeline(sink, `rtmp://127.0.0.1:${node.port}/${path}`));
    expect(published.stderr).toBe('');
    expect(published.code).toBe(0);
    expect(await received).toBe('publisher-ended');
    expect(node.events).toMatchObject([{ type: 'ended', stream: 'cam' }]);
    const decoded = await decodeFlv(flv.bytes());
    expect(decoded).toMatchObject({ videoFrames, errors: '' });
    expect(decoded.audioFrames).toBeGreaterThan(60);
  });

  it('fails with a wrong key', async () => {
    node = await startTestNode();
    const url = `rtmp://127.0.0.1:${node.port}/live/cam?key=wrong`;
    const { code } = await run('gst-launch-1.0', pipeline(sink, url));
    expect(code).not.toBe(0);
    expect(node.events[0]).toMatchObject({ type: 'ended', reason: 'bad-key' });
    expect(node.server.publisher('cam')).toBeUndefined();
  });
});

describe('GStreamer rtmp2sink over TLS', () => {
  it('publishes', async () => {
    node = await startTestNode();
    const flv = createSink();
    const received = node.nextPublisher().then((publisher) => publisher.pipe(flv.target));
    const url = `rtmps://127.0.0.1:${node.securePort}/live/cam?key=cam-key`;
    // No validation of a certificate that nobody has signed.
    const published = await run('gst-launch-1.0', pipeline('rtmp2sink', url, ['tls-validation-flags=0']));
    expect(published.code).toBe(0);
    expect(await received).toBe('publisher-ended');
    expect((await decodeFlv(flv.bytes())).videoFrames).toBe(videoFrames);
  });
});
