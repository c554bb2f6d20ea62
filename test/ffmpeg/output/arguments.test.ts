import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ffmpegArguments, type StreamPlan } from '../../../src/ffmpeg/output/arguments.js';
import type { VideoPlan } from '../../../src/ffmpeg/output/hls-output.js';
import { NARROW_SECONDS } from '../../../src/ffmpeg/output/picture-output.js';
import { inputArguments } from '../../../src/ingest/input.js';
import { parseSource } from '../../../src/ingest/source.js';
import { embedded, ffmpegs, makeDirectory, makeWithFfmpeg, newestOptions } from '../../support/ffmpeg.js';
import { protocolsOf, runPlan, smallPlan } from '../run-plan.js';

const encode: VideoPlan = {
  ...{ kind: 'encode', encoder: 'libx264', height: 120, bitrate: 300_000, fps: undefined, preset: 'ultrafast' },
};
const plan: StreamPlan = {
  ...{ input: ['-i', 'x'], renditions: [{ video: { kind: 'copy' } }], audio: 'copy', options: embedded.options },
  hls: { segmentSeconds: 2, container: 'mpegts' },
  frames: { intervalSeconds: 5, width: 1280, height: 720 },
};

/** The arguments, and those of each output: from one `-map 0:V:0` to its URL. */
function outputs(of: StreamPlan) {
  const args = ffmpegArguments(of);
  const [first = -1, second = -1, third = -1] = args.flatMap((each, index) => (each === '0:V:0' ? [index - 1] : []));
  return { args, before: args.slice(0, first), hls: args.slice(first, second), frames: args.slice(second, third) };
}

/** The value behind an option; undefined where the option is not there. */
function settingOf(args: readonly string[], option: string): string | undefined {
  expect(args.filter((each) => each === option).length, option).toBeLessThanOrEqual(1);
  return args.includes(option) ? args[args.indexOf(option) + 1] : undefined;
}

describe('ffmpegArguments', () => {
  it('has one input, the media on a pipe, and pictures on standard output last', () => {
    const { args, before, hls, frames } = outputs({ ...plan, input: ['-re', '-i', 'file:/a b'] });
    expect(before.slice(-3)).toEqual(['-re', '-i', 'file:/a b']);
    expect(args.filter((each) => each === '-i')).toHaveLength(1);
    expect(before).toEqual(expect.arrayContaining(['-nostdin', '-nostats', '-hide_banner']));
    expect(settingOf(before, '-loglevel')).toBe('level+info');
    expect(settingOf(before, '-progress')).toBe('pipe:3');
    expect(hls.at(-1)).toBe('pipe:8');
    expect(settingOf(hls, '-f')).toBe('mpegts');
    expect(settingOf(hls, '-flush_packets')).toBe('1');
    expect(frames.at(-1)).toBe('pipe:1');
    expect(settingOf(frames, '-f')).toBe('nut');
    expect(settingOf(frames, '-c:v')).toBe('rawvideo');
    expect(frames).toContain('-an');
  });

  it('counts pictures in milliseconds where timestamps have 32 bits, which lasts for weeks', () => {
    const { frames } = outputs({ ...plan, hasNarrowTimestamps: true });
    expect(settingOf(frames, '-enc_time_base')).toBe('1:1000');
    expect(NARROW_SECONDS * 1000).toBeLessThan(2 ** 31);
    expect(settingOf(outputs(plan).frames, '-enc_time_base')).toBe('-1');
  });

  it('opens nothing for writing but its pipes', () => {
    for (const container of ['mpegts', 'fmp4'] as const) {
      const { args } = outputs({ ...plan, hls: { ...plan.hls, container } });
      const places = args.filter((each) => /^(pipe|https?|file):|\.(ts|m4s|mp4|m3u8)$|^\//.test(each));
      for (const place of places) expect(place).toMatch(/^pipe:[1348]$/);
    }
  });

  it('copies without touching the picture, and decodes keyframes alone for it', () => {
    const { before, hls } = outputs(plan);
    expect(settingOf(hls, '-c:v')).toBe('copy');
    expect(hls).not.toContain('-vf');
    expect(settingOf(before, '-skip_frame')).toBe('nokey');
    expect(settingOf(before, '-threads')).toBe('1');
    expect(before.indexOf('-skip_frame')).toBeLessThan(before.indexOf('-i'));
  });

  it('leaves block edges as they are only in keyframes that nothing else is made from', () => {
    const skips = (frames: Partial<StreamPlan['frames']>, video: VideoPlan = { kind: 'copy' }) =>
      outputs({ ...plan, renditions: [{ video }], frames: { ...plan.frames, ...frames } }).before.includes(
        '-skip_loop_filter',
      );
    expect(skips({ deblock: false })).toBe(true);
    expect(skips({ deblock: true })).toBe(false);
    expect(skips({ deblock: false, decode: 'references' })).toBe(false);
    expect(skips({ deblock: false }, encode)).toBe(false);
  });

  it('encodes every frame, at most as high as the source, with a keyframe where each segment begins', () => {
    const { before, hls } = outputs({
      ...plan,
      renditions: [{ video: encode }],
      hls: { ...plan.hls, segmentSeconds: 0.5 },
    });
    expect(before).not.toContain('-skip_frame');
    expect(settingOf(hls, '-c:v')).toBe('libx264');
    expect(settingOf(hls, '-vf')).toContain('min(120,');
    expect(settingOf(hls, '-force_key_frames')).toBe(
      'expr:not(eq(floor((t+0.001)/0.5),floor((prev_forced_t+0.001)/0.5)))',
    );
    expect(settingOf(hls, '-sc_threshold')).toBe('0');
    expect(settingOf(hls, '-b:v')).toBe('300000');
    expect(settingOf(hls, '-maxrate')).toBe('300000');
    expect(settingOf(hls, '-preset')).toBe('ultrafast');
    expect(settingOf(hls, '-vf')).not.toContain('fps');
    // Not by `-r`, which slows the video down where `-vsync` is for all outputs.
    const resampled = outputs({ ...plan, renditions: [{ video: { ...encode, fps: 12.5 } }] }).hls;
    expect(settingOf(resampled, '-vf')).toMatch(/^scale=.*,minterpolate=fps=12\.5:mi_mode=dup,format=yuv420p$/);
    const newest = outputs({ ...plan, options: newestOptions, renditions: [{ video: { ...encode, fps: 12.5 } }] }).hls;
    expect(settingOf(newest, '-vf')).toMatch(/^scale=.*,fps=12\.5,format=yuv420p$/);
    expect(settingOf(resampled, '-r')).toBeUndefined();
  });

  it.each([
    ['copy', 'copy', '0:a:0?'],
    ['copy-aac', 'copy', '0:a:0?'],
    ['aac', 'aac', '0:a:0?'],
    ['none', undefined, undefined],
  ] as const)('treats audio as %s, and does without where the source has none', (audio, codec, map) => {
    const { hls } = outputs({ ...plan, audio });
    expect(settingOf(hls, '-c:a')).toBe(codec);
    expect(hls.filter((_, index) => hls[index - 1] === '-map')).toEqual(['0:V:0', ...(map === undefined ? [] : [map])]);
  });

  it('writes one continuous stream for each rendition, each on a pipe of its own', () => {
    const { args } = outputs({ ...plan, renditions: [{ video: { kind: 'copy' } }, { video: encode }] });
    expect(args.filter((each) => /^pipe:\d+$/.test(each))).toEqual([
      ...['pipe:3', 'pipe:8', 'pipe:9', 'pipe:1', 'pipe:4'],
    ]);
  });

  it('hands out fragments of MP4 several times in each part', () => {
    const { hls } = outputs({ ...plan, hls: { ...plan.hls, container: 'fmp4' } });
    expect(settingOf(hls, '-f')).toBe('mp4');
    expect(Number(settingOf(hls, '-frag_duration'))).toBeLessThanOrEqual(100_000);
    // AAC out of MPEG-TS has a header on each frame, which has no place in fMP4.
    expect(settingOf(outputs({ ...plan, audio: 'copy-aac' }).hls, '-bsf:a')).toBe('aac_adtstoasc');
    // The filter rejects every other codec.
    expect(settingOf(hls, '-bsf:a')).toBeUndefined();
  });

  it.each([
    [embedded.options, '-vsync', false],
    [newestOptions, '-fps_mode', true],
  ] as const)('lets pictures pass as they come, by what the build has: %j', (options, option, hasAutoscale) => {
    const { frames } = outputs({ ...plan, options });
    expect(settingOf(frames, option)).toBe('passthrough');
    expect(frames.includes('-vsync') && frames.includes('-fps_mode')).toBe(false);
    expect(frames.includes('-noautoscale')).toBe(hasAutoscale);
    // With a value it is an error from 7.0 on.
    expect(frames).not.toContain('-autoscale');
  });

  it('fits pictures into the box and takes the first of each interval', () => {
    const { frames } = outputs({ ...plan, frames: { intervalSeconds: 0.5, width: 160, height: 90 } });
    const filter = settingOf(frames, '-vf')!;
    expect(filter).toContain('floor(t/0.5)');
    expect(filter).toContain('min(160,iw*sar)');
    expect(filter).toMatch(/format=rgb24$/);
  });
});

let directory: Awaited<ReturnType<typeof makeDirectory>>;
let origin: string;
const server = createServer(async (request, response) => {
  const path = join(directory.path, basename(request.url ?? ''));
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return void response.writeHead(404).end();
  response.writeHead(200, { 'content-length': found.size });
  createReadStream(path).pipe(response);
});
beforeAll(async () => {
  directory = await makeDirectory();
  const at = (name: string) => join(directory.path, name);
  const source = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25', '-f', 'lavfi', '-i', 'sine=sample_rate=48000'];
  const encoders = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-pix_fmt', 'yuv420p', '-c:a', 'aac'];
  const codecs = [...encoders, '-t', '2'];
  await makeWithFfmpeg(embedded.path, [...source, ...codecs, '-movflags', '+faststart', at('clip.mp4')]);
  const wide = ['-map', '0:v', '-vf', 'scale=100:40,setsar=1', ...codecs];
  await makeWithFfmpeg(embedded.path, [...source, ...wide, at('small silent.mkv')]);
  const list = ['-hls_time', '1', '-hls_list_size', '0', '-hls_segment_filename', at('s%d.ts'), at('list.m3u8')];
  await makeWithFfmpeg(embedded.path, ['-i', at('clip.mp4'), '-c', 'copy', ...list]);
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
  await directory.remove();
});

/** Each combination for real: ffmpeg takes every option, and gives segments, pictures and progress by it. */
describe.concurrent.each(ffmpegs)('the arguments, to the $name ffmpeg', ({ path, options: build }) => {
  it.each([
    ['a file', 'clip.mp4', 'copy', 'copy', 'mpegts', [160, 90]],
    ['a file', 'clip.mp4', 'copy', 'aac', 'fmp4', [160, 90]],
    ['a file', 'clip.mp4', 'encode', 'copy-aac', 'fmp4', [160, 90]],
    ['a file', 'clip.mp4', 'encode', 'none', 'mpegts', [160, 90]],
    // Neither enlarged nor cut, and without the audio that is asked for.
    ['a small file without audio', 'small silent.mkv', 'encode', 'aac', 'mpegts', [100, 40]],
    ['a small file without audio', 'small silent.mkv', 'copy', 'copy-aac', 'fmp4', [100, 40]],
    ['a file over http', 'http:/clip.mp4', 'copy', 'copy-aac', 'fmp4', [160, 90]],
    ['an HLS stream', 'http:/list.m3u8', 'copy', 'none', 'mpegts', [160, 90]],
    ['an HLS stream', 'http:/list.m3u8', 'encode', 'copy-aac', 'fmp4', [160, 90]],
    ['the test source', 'test', 'encode', 'aac', 'mpegts', [160, 90]],
    ['the test source', 'test', 'encode', 'none', 'fmp4', [160, 90]],
  ] as const)(
    'are accepted for %s (%s): %s, audio %s, %s',
    async (_, text, video, audio, container, box) => {
      const source = parseSource(
        text.replace(/^http:/, () => origin),
        (name) => join(directory.path, name),
      );
      const options = {
        loop: false,
        rtspTimeout: build.rtspTimeout,
        protocols: await protocolsOf(path),
        timeouts: { connectSeconds: 10, readSeconds: 10, socketSeconds: 10 },
      };
      const { exit, segments, pictures, progress, lines } = await runPlan(
        path,
        {
          ...smallPlan,
          input: inputArguments(source, options),
          video: video === 'copy' ? { kind: 'copy' } : encode,
          audio,
          hls: { segmentSeconds: 0.5, container },
          options: build,
          // As the node plans it: a made picture has no packets to be copied.
          frames: { ...smallPlan.frames, packetTimes: source.kind !== 'test' },
        },
        (segmentCount, pictureCount) => source.kind === 'test' && segmentCount >= 2 && pictureCount >= 2,
      );
      const said = lines.map(({ level, text: words }) => `[${level}] ${words}`).join('\n');
      expect(
        lines.filter(({ level }) => level === 'fatal'),
        said,
      ).toEqual([]);
      if (source.kind !== 'test') expect(exit, said).toEqual({ code: 0, signal: null });
      expect(exit.signal, said).not.toBe('SIGKILL');
      expect(segments.length, said).toBeGreaterThanOrEqual(2);
      for (const [index, { body, init, durationSeconds, isDiscontinuity }] of segments.entries()) {
        // The test source is stopped wherever it is, so its last segment may be a single frame.
        const isCut = source.kind === 'test' && index === segments.length - 1;
        expect(body.length).toBeGreaterThan(500);
        expect(durationSeconds).toBeGreaterThan(isCut ? 0 : 0.1);
        expect(isDiscontinuity, said).toBe(false);
        if (container === 'mpegts') expect(body[0]).toBe(0x47);
        expect(init === undefined).toBe(container === 'mpegts');
      }
      expect(pictures.length, said).toBeGreaterThanOrEqual(2);
      for (const { width, height } of pictures) expect([width, height]).toEqual(box);
      const seconds = pictures.map(({ ptsSeconds }) => ptsSeconds);
      expect(seconds[0]).toBeLessThan(0.1);
      expect(seconds).toEqual([...new Set(seconds)].sort((one, other) => one - other));
      // One picture in each interval.
      expect(new Set(seconds.map((at) => Math.floor(at / 0.5))).size).toBe(seconds.length);
      expect(progress.at(-1)?.end).toBe(true);
      expect(Math.max(...progress.map(({ outSeconds = 0 }) => outSeconds))).toBeGreaterThan(0.5);
    },
    60_000,
  );

  it('fill a rendition up to its frame rate while the snapshot output is closed', async () => {
    const source = parseSource('clip.mp4', (name) => join(directory.path, name));
    const { rtspTimeout } = build;
    const timeouts = { connectSeconds: 10, readSeconds: 10, socketSeconds: 10 };
    const input = inputArguments(source, { loop: false, rtspTimeout, protocols: await protocolsOf(path), timeouts });
    const { segments } = await runPlan(path, {
      ...smallPlan,
      ...{ input, options: build, snapshots: true, audio: 'none' },
      video: { ...encode, fps: 60 },
      hls: { segmentSeconds: 0.5, container: 'mpegts' },
    });
    const seconds = segments.reduce((sum, { durationSeconds }) => sum + durationSeconds, 0);
    expect(seconds).toBeGreaterThan(1.8);
    expect(seconds).toBeLessThan(2.1);
  });
});
