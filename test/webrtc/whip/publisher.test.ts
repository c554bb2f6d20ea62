import { PassThrough } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import { configuredSets } from '../../../src/hls/cut/fmp4-init.js';
import { pictureSizes } from '../../../src/stream/outputs/picture-limit.js';
import { WhipPublisher } from '../../../src/webrtc/whip/publisher.js';
import type { MediaUnit } from '../../../src/webrtc/whip/receiver.js';
import { avcRecord } from '../../support/parameter-sets.js';

const setsOf = (width: number, height: number) => configuredSets(avcRecord(width, height), 'avc');
const [large, PPS] = setsOf(1280, 720);
const [small] = setsOf(640, 352);
const SPS = { large: large!, small: small! };

function open({ hasAudio = false, tooLarge = () => undefined as string | undefined } = {}) {
  const session = {
    receivedBytes: 0,
    requestKeyframe: vi.fn(),
    close: vi.fn((reason: string) => publisher.finish(reason)),
  };
  const publisher: WhipPublisher = new WhipPublisher({
    ...{ stream: 'stage', address: '127.0.0.1', secure: false, encoder: 'test', startedAt: 0 },
    ...{ hasAudio, parameterSets: undefined, tooLarge, pictureSizes, session },
  });
  return { publisher, session };
}

const keyframe = (timeMs: number, sps = SPS.large): MediaUnit => ({
  kind: 'video',
  ...{ timeMs, isKeyframe: true },
  payload: [sps, PPS!, Buffer.from('6588', 'hex')],
});
const picture = (timeMs: number): MediaUnit => ({
  kind: 'video',
  ...{ timeMs, isKeyframe: false },
  payload: [Buffer.from('419a', 'hex')],
});
const sound = (timeMs: number): MediaUnit => ({
  kind: 'audio',
  ...{ timeMs, isKeyframe: true },
  payload: [Buffer.from('fc', 'hex')],
});

function target() {
  const stream = new PassThrough({ highWaterMark: 64 * 1024 * 1024 });
  return { stream, clusters: () => clustersIn(stream) };
}

function clustersIn(stream: PassThrough): number {
  const bytes = (stream.read() as Buffer | null) ?? Buffer.alloc(0);
  return bytes.toString('latin1').split('\x1f\x43\xb6\x75').length - 1;
}

const never = new AbortController().signal;

describe('a WHIP publisher', () => {
  it('keeps its media until the first pipe, from the newest keyframe', async () => {
    const { publisher } = open();
    publisher.take([picture(0), keyframe(40), picture(80), keyframe(120), picture(160)]);
    expect(await publisher.videoCodec(never)).toBe('h264');
    expect([publisher.isSilent, publisher.audioCodec, publisher.codecs]).toEqual([true, undefined, { video: 'h264' }]);
    const { stream, clusters } = target();
    const end = publisher.pipe(stream);
    expect(clusters()).toBe(2);
    publisher.take([picture(200)]);
    expect(clusters()).toBe(1);
    publisher.finish('deleted');
    expect(await end).toBe('publisher-ended');
    expect(await publisher.closed).toBe('deleted');
  });

  it('waits half a second for audio that was negotiated', async () => {
    const { publisher } = open({ hasAudio: true });
    const { stream, clusters } = target();
    void publisher.pipe(stream);
    publisher.take([keyframe(0), picture(40)]);
    expect(clusters()).toBe(0);
    publisher.take([sound(60)]);
    expect([await publisher.videoCodec(never), publisher.audioCodec, publisher.isSilent]).toEqual([
      'h264',
      'opus',
      false,
    ]);
    expect(clusters()).toBe(3);
    const other = open({ hasAudio: true });
    other.publisher.take([keyframe(0), picture(499)]);
    expect(other.publisher.isSilent).toBe(false);
    other.publisher.take([picture(500)]);
    expect(other.publisher.isSilent).toBe(true);
  });

  it('starts another pipe when parameter sets change or audio appears, without losing the new media', async () => {
    const { publisher, session } = open({ hasAudio: true });
    const first = target();
    const end = publisher.pipe(first.stream);
    publisher.take([keyframe(0), picture(600)]);
    publisher.take([sound(640)]);
    expect(await end).toBe('reconfigured');
    expect(session.requestKeyframe).toHaveBeenCalled();
    publisher.take([picture(680), keyframe(720)]);
    const second = target();
    const next = publisher.pipe(second.stream);
    expect(second.clusters()).toBe(1);
    publisher.take([keyframe(760, SPS.small), picture(800)]);
    expect(await next).toBe('reconfigured');
    const third = target();
    void publisher.pipe(third.stream);
    expect(third.clusters()).toBe(2);
  });

  it('requests a keyframe for a pipe that starts between keyframes, unless the media is retained', () => {
    const { publisher, session } = open();
    publisher.take([keyframe(0)]);
    const abort = new AbortController();
    void publisher.pipe(target().stream, { signal: abort.signal });
    abort.abort();
    expect(session.requestKeyframe).not.toHaveBeenCalled();
    const second = target();
    const again = new AbortController();
    void publisher.pipe(second.stream, { signal: again.signal });
    expect(session.requestKeyframe).toHaveBeenCalledTimes(1);
    publisher.take([picture(40)]);
    expect(second.clusters()).toBe(0);
    publisher.retain(true);
    publisher.take([keyframe(80), picture(120)]);
    again.abort();
    const third = target();
    void publisher.pipe(third.stream);
    expect(third.clusters()).toBe(2);
  });

  it('drops media for a target that does not read, up to a keyframe', () => {
    const { publisher, session } = open();
    const stream = new PassThrough({ highWaterMark: 1024 });
    void publisher.pipe(stream);
    const large = Buffer.concat([Buffer.from('419a', 'hex'), Buffer.alloc(1024 * 1024)]);
    publisher.take([keyframe(0)]);
    for (let index = 1; index < 30; index++) publisher.take([{ ...picture(index * 40), payload: [large] }]);
    expect(stream.writableLength).toBeLessThan(11 * 1024 * 1024);
    expect(session.requestKeyframe).toHaveBeenCalled();
    stream.resume();
  });

  it('is disconnected if its frames are too large', async () => {
    const { publisher, session } = open({ tooLarge: () => 'too large' });
    publisher.take([keyframe(0)]);
    expect(session.close).toHaveBeenCalledWith('picture-too-large');
    expect([await publisher.closed, publisher.tooLarge]).toEqual(['picture-too-large', 'too large']);
    expect(await publisher.videoCodec(never)).toBeUndefined();
  });
});
