import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse.js';
import { collectSecrets, createRedactor } from '../../src/config/redact.js';
import { SidepipeError } from '../../src/errors.js';
import { type DescribedStream, describeStream } from '../../src/stream/describe.js';
import type { StreamEnvironment } from '../../src/stream/environment.js';
import { HlsOutput } from '../../src/stream/hls/hls-output.js';
import { streamEnvironment, streamServices } from '../support/stream-environment.js';

const START = Date.UTC(2027, 2, 3, 4, 5, 6, 789);

/** A stream as `describeStream` sees it, of a source with whatever is in it. */
function streamOf(
  source: string,
  more: Partial<DescribedStream> = {},
  { publicUrl, storage }: { publicUrl?: string; storage?: Partial<StreamEnvironment['storage']> } = {},
): DescribedStream {
  const whole = parseConfig({ streams: [{ name: 'door', source }] });
  const config = whole.streams[0]!;
  const dateOf = (at: number) => at;
  const services = streamServices({ publicUrl, redact: createRedactor(collectSecrets(whole)) });
  const env = streamEnvironment(config, { services: { ...services, system: { ...services.system, dateOf } } });
  return {
    env: { ...env, storage: { ...env.storage, ...storage } },
    hls: new HlsOutput({
      config,
      randomId: () => '00000000',
      now: () => START,
      dateOf,
      log: env.log,
      onListed: () => {},
      onDescribed: () => {},
    }),
    images: {
      status: { state: 'offline', captured: 0, dropped: 0, failed: 0 },
    } as unknown as DescribedStream['images'],
    ...{ uploads: undefined, run: undefined, state: 'starting', since: START, reason: undefined, restarts: 0 },
    ...{ decoderErrors: 0, monitor: undefined, viewers: 0 },
    ...more,
  };
}

describe('describeStream', () => {
  it('describes a stream that has shown nothing yet', () => {
    expect(describeStream(streamOf('test'))).toMatchObject({
      name: 'door',
      source: { kind: 'test', url: 'test', warnings: [] },
      state: 'starting',
      reason: null,
      since: '2027-03-03T04:05:06.789Z',
      playback: { hls: '/live/door/index.m3u8', thumbnail: '/live/door/thumbnail.jpg' },
      thumbnail: { capturedAt: null, ageSeconds: null, state: 'offline', width: null, bytes: null, captured: 0 },
      hls: { segments: 0, windowBytes: 0, bandwidth: null, codecs: null, resolution: null, frameRate: null },
      storage: {
        type: 'memory',
        state: null,
        store: null,
        playback: null,
        backlogBytes: 0,
        failed: 0,
        playlistLagSeconds: null,
        lastError: null,
      },
      ffmpeg: { pid: null, restarts: 0, speed: null, fps: null },
    });
  });

  it('describes a stream that is live', () => {
    const images = {
      status: {
        state: 'fresh',
        capturedAt: START - 1234,
        ageSeconds: 1.23456,
        captured: 7,
        dropped: 2,
        rejected: 1,
        failed: 4,
        hash: 'HASH',
        gate: { state: 'frozen', since: START },
        placeholder: 'Zm9v',
        dominantColour: '#010203',
        width: 640,
        height: 360,
        bytes: 999,
      },
    } as unknown as DescribedStream['images'];
    const video = {
      codec: 'h264',
      profile: 'High',
      pixelFormat: 'yuv420p',
      width: 640,
      isInterlaced: true,
      rotation: 0,
    };
    const facts = { video, audio: { codec: 'aac' } };
    const run = {
      pid: 4711,
      progress: { speed: 1.01, fps: 25 },
      facts,
      needs: { audio: 'copy', isAudioSilent: false },
    } as unknown as NonNullable<DescribedStream['run']>;
    const uploads = {
      state: 'publishing',
      store: 's3://live/',
      backlogBytes: 5,
      uploaded: 6,
      failed: 7,
      playlistLagSeconds: 0.5,
      lastError: null,
    } as unknown as NonNullable<DescribedStream['uploads']>;
    const env = {
      publicUrl: 'https://live.example.org',
      storage: {
        type: 's3',
        urlOf: (store: string) => (store === 's3://live/' ? 'https://cdn.example.org/x' : undefined),
        troubleOf: () => new SidepipeError('it is down', { code: 'storage-unavailable', fault: 'storage' }),
      },
    };
    const described = describeStream(streamOf('test', { images, run, uploads, state: 'live', restarts: 3 }, env));
    expect(described).toMatchObject({
      playback: {
        hls: 'https://live.example.org/live/door/index.m3u8',
        thumbnailImmutable: 'https://live.example.org/live/door/thumbnail-HASH.jpg',
        preview: 'https://live.example.org/live/door/preview.webp',
        storyboard: 'https://live.example.org/live/door/storyboard.vtt',
      },
      thumbnail: {
        capturedAt: '2027-03-03T04:05:05.555Z',
        ageSeconds: 1.235,
        state: 'fresh',
        rejected: 1,
        failed: 4,
        width: 640,
      },
      storage: {
        playback: {
          hls: 'https://cdn.example.org/x/door/index.m3u8',
          thumbnail: 'https://cdn.example.org/x/door/thumbnail.jpg',
        },
        ...{
          type: 's3',
          state: 'publishing',
          store: 's3://live/',
          lastError: 'it is down',
          backlogBytes: 5,
          uploaded: 6,
          failed: 7,
          playlistLagSeconds: 0.5,
        },
      },
      ffmpeg: { pid: 4711, restarts: 3, speed: 1.01, fps: 25 },
    });
    // Of a stream that is at rest, no process is told.
    expect(describeStream(streamOf('test', { run, state: 'idle' })).ffmpeg.pid).toBeNull();
  });

  it('holds no secret of the source, wherever it comes up', () => {
    const letters = fc.string({
      unit: fc.constantFrom('q', 'Z', '7', '%', '+', '!', '~', 'é', '&', '=', ' '),
      maxLength: 12,
    });
    const password = letters.map((text) => `Xx${text}yY`);
    const form = fc.constantFrom<(secret: string) => string>(
      (secret) => `rtsp://admin:${encodeURIComponent(secret)}@camera/1`,
      (secret) => `https://admin:${encodeURIComponent(secret)}@camera/live.m3u8`,
      (secret) => `https://camera/live.m3u8?token=${encodeURIComponent(secret)}`,
      (secret) => `rtmp://camera/app/name?key=${encodeURIComponent(secret)}&x=1`,
      (secret) => `rtsp://admin:${secret.replace(/[^\w!~]/g, '')}@camera/1`,
    );
    fc.assert(
      fc.property(password, form, (secret, make) => {
        const source = make(secret);
        const written = /(?:admin:|token=|key=)([^@&]*)/.exec(source)![1]!;
        const said = `${source} failed: user admin, password ${written}, that is ${decodeURIComponent(written.replace(/%(?![0-9A-F]{2})/g, '%25'))}`;
        const reason = new SidepipeError(said, { code: 'source-refused', fault: 'source' });
        const uploads = { lastError: reason } as unknown as NonNullable<DescribedStream['uploads']>;
        const described = JSON.stringify(describeStream(streamOf(source, { reason, uploads, state: 'failed' })));
        expect(described).not.toContain(written);
        expect(described).not.toContain(JSON.stringify(secret).slice(1, -1));
        expect(described).toContain('camera');
        expect(described).toContain('source-refused');
      }),
      { numRuns: 300 },
    );
  });
});
