import { chmod, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { parseConfig } from '../../src/config/parse.js';
import { collectSecrets, createRedactor } from '../../src/config/redact.js';
import {
  type SourceFound,
  type SourceTools,
  segmentBytesOf,
  sourceChecks,
  surveySources,
} from '../../src/doctor/sources.js';
import { readCapabilities } from '../../src/ffmpeg/capabilities.js';
import { createOrphanGuard, type OrphanGuard } from '../../src/ffmpeg/guard.js';
import { createEgress, type Egress } from '../../src/ingest/relay/egress.js';
import { camera, startFfmpeg } from '../support/background-ffmpeg.js';
import { makeClip, runFfmpeg, temporaryFolder } from '../support/clip.js';
import { embedded, ffmpegs } from '../support/ffmpeg.js';
import { startHttpSource, textRoute } from '../support/http-source.js';
import { makeOddHls } from '../support/odd-hls.js';
import { startRtspServer } from '../support/rtsp-server.js';

let folder: string;
let guard: OrphanGuard;
let egress: Egress;
/** Four seconds of both, a keyframe every two. */
let clip: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  guard = await createOrphanGuard();
  egress = createEgress();
  await egress.start();
  clip = await makeClip({ path: join(folder, 'clip.mp4'), seconds: 6, fps: 25, size: '320x180', bFrames: 2 });
}, 60_000);

afterAll(async () => {
  await egress.close();
  await guard.close();
});

type Stream = Record<string, unknown> & { readonly source: string };

function configOf(streams: readonly Stream[]) {
  // Nothing here takes longer on a machine with nothing else to do.
  const input = { connectTimeoutSeconds: 20 };
  return parseConfig({ streams: streams.map((stream, index) => ({ name: `s${index}`, input, ...stream })) });
}

async function toolsOf(config: object, path = embedded.path): Promise<SourceTools> {
  const capabilities = await readCapabilities(path);
  return { capabilities, guard, egress, redact: createRedactor(collectSecrets(config)) };
}

async function resultsOf(streams: readonly Stream[], path?: string) {
  const config = configOf(streams);
  const tools = await toolsOf(config, path);
  const check = sourceChecks({ config, survey: (signal) => surveySources(config, tools, signal) });
  return check.run(new AbortController().signal);
}

it.each(ffmpegs)(
  'reads a file with the $name ffmpeg: codec, size, rate, keyframes, audio',
  async ({ path }) => {
    const results = await resultsOf([{ source: clip }], path);
    expect(results).toEqual([
      {
        area: 'source',
        check: 's0',
        ok: true,
        detail: expect.stringMatching(
          /^h264 \w.*, yuv420p, 320×180, 25 fps, keyframes every 2 s, B-frames, [\d.]+ Mbit\/s; audio aac, 48000 Hz, mono$/,
        ),
      },
    ]);
  },
  60_000,
);

it.each(ffmpegs)(
  'finds what is odd about files with the $name ffmpeg',
  async ({ path }) => {
    const at = (name: string) => join(folder, name);
    const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=10', '-t', '25', '-preset', 'ultrafast'];
    await runFfmpeg([
      ...picture,
      '-c:v',
      'libx264',
      '-pix_fmt',
      'yuv422p',
      '-g',
      '100',
      '-sc_threshold',
      '0',
      '-y',
      at('422.ts'),
    ]);
    await runFfmpeg(['-i', clip, '-c:v', 'copy', '-c:a', 'pcm_alaw', '-ar', '8000', '-y', at('g711.mkv')]);
    await runFfmpeg(['-i', clip, '-c', 'copy', '-metadata:s:v', 'rotate=90', '-y', at('rotated.mp4')]);
    await runFfmpeg(['-f', 'lavfi', '-i', 'sine', '-t', '2', '-c:a', 'aac', '-y', at('sound.m4a')]);
    await writeFile(at('empty.mp4'), '');
    const results = await resultsOf(
      [
        { source: at('422.ts') },
        { source: at('g711.mkv'), audio: 'copy' },
        { source: at('g711.mkv'), audio: 'aac' },
        { source: at('rotated.mp4') },
        { source: at('sound.m4a') },
        { source: at('empty.mp4') },
      ],
      path,
    );
    const of = (name: string) =>
      results.filter(({ check }) => check === name).map(({ ok, detail }) => `${ok}: ${detail}`);
    expect(of('s0')).toEqual([
      expect.stringMatching(/^true: h264 High 4:2:2, yuv422p, 320×180, 10 fps, keyframes every 10 s/),
      'warning: 4:2:2 video cannot be played by browsers',
      expect.stringMatching(/^warning: keyframes every 10 s make segments 10 s long/),
    ]);
    expect(of('s1')[1]).toMatch(/^false: .*pcm_alaw.*Set audio to auto/);
    expect(of('s2')[1]).toBe('true: G.711 audio is encoded to AAC');
    expect(of('s3')[1]).toMatch(/^warning: the video has a rotation of (?:90|270)°/);
    expect(of('s4')).toEqual([expect.stringMatching(/^false: .*sound\.m4a: .*no video/)]);
    expect(of('s5')).toEqual([expect.stringMatching(/^false: .*empty\.mp4: /)]);
  },
  120_000,
);

it('gives each source that cannot be opened its own line and remedy, and shows no secret', async () => {
  const http = await startHttpSource({
    routes: {
      '/401': textRoute(401),
      '/403': textRoute(403),
      '/text.ts': textRoute(200, 'hello '.repeat(100), { 'content-type': 'text/plain' }),
    },
  });
  const rtsp = await startRtspServer({ auth: { scheme: 'digest', user: 'admin', password: 'the-right-one' } });
  const free = createTcpServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => free.once('listening', resolve));
  const { port } = free.address() as AddressInfo;
  await new Promise((resolve) => free.close(resolve));
  const cases = [
    [join(folder, 'missing.mp4'), /missing\.mp4: .*does not exist/, /path/],
    [`${join(folder, 'no-folder')}/`, /directory does not exist/, /path/],
    [`rtsp://admin:hunter22@127.0.0.1:${port}/cam`, /refused/, /port/],
    [`rtsp://admin:hunter22@localhost:${rtsp.port}/cam`, /401/, /user name and password/],
    [`http://admin:hunter22@127.0.0.1:${http.port}/401`, /401/, /user name and password/],
    [`${http.url}/403`, /403/, /Allow/],
    [`${http.url}/404`, /404/, /path/],
    [`${http.url}/text.ts`, /not video|no video|not media/i, /./],
    ['rtsp://no-such-host.invalid/cam', /host name/, /host name/],
    ['gopher://camera/1', /gopher/, /scheme/],
  ] as const;
  const results = await resultsOf(cases.map(([source]) => ({ source })));
  expect(results).toHaveLength(cases.length);
  for (const [index, [source, detail, remedy]] of cases.entries()) {
    const result = results[index]!;
    expect(result.ok, source).toBe(false);
    expect(result.detail, source).toMatch(detail);
    expect(result.remedy, source).toMatch(remedy);
  }
  expect(JSON.stringify(results)).not.toContain('hunter22');
}, 120_000);

it('says that nothing came from a source that accepts and is silent, within its own time', async () => {
  const server = createServer((_request, response) => void response.writeHead(200).flushHeaders());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.closeAllConnections());
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const input = { connectTimeoutSeconds: 1 };
  const [result] = await resultsOf([{ source: `http://127.0.0.1:${port}/live.ts`, input }]);
  expect(result).toMatchObject({ ok: false, remedy: expect.stringMatching(/powered on/) });
}, 60_000);

it.each(ffmpegs)('finds audio that is announced and silent in a transport stream: $name', async ({ path }) => {
  const loud = join(folder, 'loud.ts');
  const video = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25:duration=8', '-f', 'lavfi', '-i', 'sine'];
  const encoders = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '25', '-c:a', 'aac'];
  await runFfmpeg(['-y', ...video, ...encoders, '-shortest', loud]);
  const bytes = await readFile(loud);
  const packets = Array.from({ length: bytes.length / 188 }, (_, index) =>
    bytes.subarray(index * 188, index * 188 + 188),
  );
  const muted = Buffer.concat(packets.filter((packet) => (packet.readUInt16BE(1) & 0x1fff) !== 0x101));
  const http = await startHttpSource({
    routes: { '/muted.ts': (_, response) => void response.writeHead(200).end(muted) },
  });
  const results = await resultsOf([{ source: `${http.url}/muted.ts` }], path);
  const found = results.map(({ ok, detail }) => [ok, detail]);
  expect(found[0], JSON.stringify(found)).toEqual([true, expect.stringMatching(/^h264 .*; audio aac/)]);
  expect(found).toContainEqual([
    'warning',
    expect.stringMatching(/^audio \(aac\) is announced but never arrives: .* plays/),
  ]);
});

it('waits for no publisher and no caller, and does not call that a failure', async () => {
  const results = await resultsOf([
    { source: 'push', keys: ['a-long-key'] },
    { source: 'srt://:9000?mode=listener' },
    { source: 'test' },
  ]);
  expect(results.map(({ ok, detail }) => [ok, detail])).toEqual([
    ['skipped', 'waits for a publisher (RTMP)'],
    ['skipped', 'waits for a caller (SRT)'],
    [true, 'test pattern, generated by ffmpeg'],
  ]);
});

it.each(ffmpegs)(
  'opens HLS whose URL says nothing, and a transport stream whose URL says HLS: $name',
  async ({ path }) => {
    const source = await startHttpSource({ ...(await makeOddHls(8)), host: '127.0.0.1' });
    const results = await resultsOf(
      ['live', 'text', 'locked', 'stream.m3u8'].map((each) => ({ source: `${source.url}/${each}` })),
      path,
    );
    for (const result of results)
      expect(result, JSON.stringify(result)).toMatchObject({
        ok: true,
        detail: expect.stringMatching(/^h264 .*320×180/),
      });
    expect(results).toHaveLength(4);
  },
  60_000,
);

it('reads a live camera by RTSP, with the password of its URL', async () => {
  const password = 'pa/ss:w@rd';
  const server = await startRtspServer({ auth: { scheme: 'digest', user: 'viewer', password } });
  const url = `rtsp://${server.address}:${server.port}/cam`;
  startFfmpeg([...camera, '-f', 'rtsp', '-rtsp_transport', 'tcp', url]);
  await server.published;
  const source = `rtsp://viewer:${encodeURIComponent(password)}@localhost:${server.port}/cam`;
  const [result] = await resultsOf([{ source }]);
  expect(result, JSON.stringify(result)).toMatchObject({
    ok: true,
    detail: expect.stringMatching(/^h264 .*320×180.*audio aac/),
  });
});

it('names an ffmpeg that crashes, and does not blame the source', async () => {
  const fake = join(folder, 'crashes');
  const real = JSON.stringify(embedded.path);
  await writeFile(fake, `#!/bin/sh\ncase "$*" in *framecrc*) kill -SEGV $$;; esac\nexec ${real} "$@"\n`);
  await chmod(fake, 0o755);
  const [result] = await resultsOf([{ source: clip }], fake);
  expect(result).toMatchObject({
    ok: false,
    detail: expect.stringMatching(/ffmpeg crashed \(SIGSEGV\)/),
    remedy: expect.stringMatching(/ffmpeg\.path/),
  });
}, 60_000);

describe('the survey', () => {
  it('opens a few sources at a time, and leaves no ffmpeg when it is called off', async () => {
    let [open, most] = [0, 0];
    const server = createServer((request, response) => {
      open += 1;
      most = Math.max(most, open);
      request.socket.once('close', () => {
        open -= 1;
      });
      response.writeHead(200).flushHeaders();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const config = configOf(
      Array.from({ length: 9 }, (_, index) => ({ source: `http://127.0.0.1:${port}/${index}.ts` })),
    );
    const calledOff = new AbortController();
    const survey = surveySources(config, await toolsOf(config), calledOff.signal);
    const settled = survey.then(
      () => 'done',
      () => 'called off',
    );
    await expect.poll(() => open, { timeout: 30_000 }).toBe(4);
    calledOff.abort(new Error('enough'));
    expect(await settled).toBe('called off');
    await expect.poll(() => open, { timeout: 30_000 }).toBe(0);
    expect(most).toBe(4);
  }, 60_000);

  it('measures how large a segment is', () => {
    const media = (bitsPerSecond: number, keyframeSeconds: number) =>
      ({ kind: 'media', media: { packets: { bitsPerSecond, keyframeSeconds } } }) as SourceFound;
    const config = configOf([{ source: 'a.mp4' }, { source: 'b.mp4', renditions: [{ bitrate: 60_000_000 }] }]);
    expect(segmentBytesOf(config, [])).toBe(22_500_000);
    const copied = configOf([{ source: 'a.mp4' }, { source: 'b.mp4' }]);
    expect(segmentBytesOf(copied, [media(4_000_000, 2)])).toBe(8_000_000);
    expect(segmentBytesOf(copied, [media(4_000_000, 2), media(10_000_000, 10)])).toBe(18_750_000);
    expect(segmentBytesOf(copied, [media(1e9, 10)])).toBe(64_000_000);
  });
});

it('the clip that is looked at stays as it is', async () => {
  const before = await readFile(clip);
  await resultsOf([{ source: clip }]);
  expect((await readFile(clip)).equals(before)).toBe(true);
});
