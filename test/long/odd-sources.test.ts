import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { ConfigInput } from '../../src/config/schema/schema.js';
import { runFfmpeg, temporaryFolder } from '../support/clip.js';
import { startNode, type TestNode } from '../support/node.js';

type StreamInput = NonNullable<ConfigInput['streams']>[number];

let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder();
});

const tone = ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000'];

/** Four seconds of the moving test picture, with a keyframe each second, made as told. */
async function clip(name: string, how: readonly string[], size = '320x180'): Promise<string> {
  const path = join(folder, name);
  const input = ['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=25`];
  await runFfmpeg([...input, ...how, '-t', '4', '-g', '25', '-y', path]);
  return path;
}

const h264 = ['-c:v', 'libx264', '-preset', 'ultrafast'];

function start(stream: Omit<StreamInput, 'name'>): Promise<TestNode> {
  const small = { hls: { segmentSeconds: 1 }, thumbnail: { intervalSeconds: 1, width: 160 } };
  return startNode({ streams: [{ ...small, ...stream, name: 'cam' }] });
}

const encoded = {
  renditions: [{ name: 'low', height: 144, bitrate: 300_000, preset: 'ultrafast' as const }],
};

function untilLive(node: TestNode) {
  return vi.waitFor(
    async () => {
      const stream = await node.stream('cam');
      expect(stream.state, JSON.stringify(stream.reason)).toBe('live');
      expect(stream.hls.codecs).not.toBeNull();
      return stream;
    },
    { timeout: 60_000, interval: 100 },
  );
}

/** What ffmpeg says of a rendition's first segments when it decodes them without a fault. */
async function decoded(node: TestNode, rendition: string): Promise<string> {
  const playlist = await node.text(`/live/cam/${rendition}/index.m3u8`);
  const init = /EXT-X-MAP:URI="([^"]+)"/.exec(playlist.body)?.[1];
  const urls = [
    ...(init === undefined ? [] : [`/live/cam/${rendition}/${init}`]),
    ...(await node.segments('cam', rendition)),
  ];
  const path = join(folder, `${Math.random()}.${init === undefined ? 'ts' : 'mp4'}`);
  await writeFile(path, Buffer.concat(await Promise.all(urls.map(async (url) => (await node.bytes(url)).body))));
  const { stderr } = await runFfmpeg(['-v', 'info', '-xerror', '-i', path, '-f', 'null', '-']);
  return stderr;
}

describe('a source that is encoded', () => {
  it.each([
    ['turned by its display matrix', 'turned.mp4', [...h264, '-pix_fmt', 'yuv420p'], '320x180', '82x146', true],
    ['of odd sizes', 'odd.mkv', [...h264, '-pix_fmt', 'yuv444p', '-vf', 'scale=319:179'], '320x180', '256x144', false],
    ['of 4:2:2', '422.mkv', [...h264, '-pix_fmt', 'yuv422p'], '320x180', '256x144', false],
    [
      'of HEVC in 10 bits, tagged as HDR',
      'hdr.mkv',
      [
        '-c:v',
        'libx265',
        '-preset',
        'ultrafast',
        '-pix_fmt',
        'yuv420p10le',
        '-color_trc',
        'smpte2084',
        '-color_primaries',
        'bt2020',
        '-colorspace',
        'bt2020nc',
      ],
      '320x180',
      '256x144',
      false,
    ],
    ['of motion JPEG', 'motion.avi', ['-c:v', 'mjpeg', '-pix_fmt', 'yuvj420p'], '320x180', '256x144', false],
  ] as const)(
    '%s gives H.264 in 8 bits 4:2:0',
    async (_, name, how, size, resolution, isTurned) => {
      let source = await clip(name, how, size);
      if (isTurned) {
        const turned = join(folder, 'turned by 90.mp4');
        await runFfmpeg(['-i', source, '-c', 'copy', '-metadata:s:v:0', 'rotate=90', '-y', turned]);
        source = turned;
      }
      const node = await start({ source, ...encoded });
      const { hls } = await untilLive(node);
      expect(hls.renditions).toMatchObject([{ name: 'low', video: 'encode', encoder: 'libx264', resolution }]);
      expect(hls.codecs).toMatch(/^avc1\./);
      expect(await decoded(node, 'low')).toMatch(/Video: h264 .*, yuv420p/);
    },
    60_000,
  );

  it('with times that tremble keeps them, though the pictures beside pass as they come', async () => {
    const tremble = "settb=1/1000,setpts='N*40+floor(30*random(0))'";
    const how = [
      ...h264,
      '-vf',
      tremble,
      '-vsync',
      'passthrough',
      '-enc_time_base',
      '1:1000',
      '-bf',
      '0',
      '-pix_fmt',
      'yuv420p',
    ];
    const source = await clip('trembling.mkv', how);
    const timesOf = async (path: string) => {
      const { stdout } = await runFfmpeg(['-i', path, '-map', '0:v', '-c', 'copy', '-f', 'framecrc', '-']);
      const base = Number(/#tb 0: 1\/(\d+)/.exec(stdout.toString())?.[1]);
      return [...stdout.toString().matchAll(/^0,\s*-?\d+,\s*(-?\d+)/gm)]
        .map((each) => Number(each[1]) / base)
        .sort((a, b) => a - b);
    };
    const node = await start({ source, loop: false, ...encoded });
    await untilLive(node);
    await vi.waitFor(async () => expect((await node.stream('cam')).state).toBe('idle'), { timeout: 60_000 });
    const segments = await Promise.all((await node.segments('cam', 'low')).map((url) => node.bytes(url)));
    const path = join(folder, 'trembled.ts');
    await writeFile(path, Buffer.concat(segments.map(({ body }) => body)));
    const [before, after] = [await timesOf(source), await timesOf(path)];
    expect(after.length).toBe(before.length);
    const steps = (times: readonly number[]) => times.slice(1).map((time, index) => time - times[index]!);
    steps(before).forEach((step, index) => {
      expect(Math.abs(step - steps(after)[index]!), `picture ${index}`).toBeLessThan(0.001);
    });
  });
});

describe('a source that is copied', () => {
  it('goes to fMP4 when it is HEVC, under a name that players know', async () => {
    const source = await clip('hevc.mp4', ['-c:v', 'libx265', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p']);
    const node = await start({ source });
    const { hls, ffmpeg } = await untilLive(node);
    expect(hls.codecs).toMatch(/^hvc1\./);
    expect(ffmpeg.restarts).toBe(0);
    expect((await node.text('/live/cam/source/index.m3u8')).body).toMatch(/EXT-X-MAP:URI="\w+-init\.mp4"[\s\S]*\.m4s/);
    expect(await decoded(node, 'source')).toMatch(/Video: hevc .*\(hvc1/);
  });

  it.each([
    ['turned by its display matrix', 'on-its-side.mp4', [...h264, '-pix_fmt', 'yuv420p'], 'rotated'],
    ['of 4:2:2', '422 copied.mkv', [...h264, '-pix_fmt', 'yuv422p'], 'chroma'],
  ] as const)('warns in the API and in the log where it is %s', async (_, name, how, code) => {
    const made = await clip(name, how);
    const source = join(folder, `copied-${name}`);
    await runFfmpeg([
      '-i',
      made,
      '-c',
      'copy',
      ...(code === 'rotated' ? ['-metadata:s:v:0', 'rotate=90'] : []),
      '-y',
      source,
    ]);
    const node = await start({ source });
    expect((await untilLive(node)).source.warnings).toEqual([
      { code, message: expect.any(String), remedy: expect.stringMatching(/renditions/) },
    ]);
    const warned = node.log.filter(({ msg }) => msg === 'players may display the video incorrectly');
    expect(warned).toMatchObject([{ warning: code }]);
  });

  it.each([
    [
      'video',
      'mpeg4.mp4',
      ['-c:v', 'mpeg4'],
      "The source's video is mpeg4, which HLS cannot carry. Encode it by setting renditions.",
    ],
    [
      'sound',
      'law.mkv',
      [...tone, ...h264, '-pix_fmt', 'yuv420p', '-c:a', 'pcm_alaw', '-ar', '8000'],
      "The source's audio is pcm_alaw, which HLS in MPEG-TS cannot carry. Set audio to auto, aac or none.",
    ],
  ] as const)(
    'is refused with the remedy when HLS cannot carry its %s',
    async (_, name, how, message) => {
      const node = await start({ source: await clip(name, how), audio: 'copy' });
      await vi.waitFor(
        async () => {
          const { state, reason } = await node.stream('cam');
          expect([state, reason]).toEqual(['failed', { code: 'source-unsupported', message }]);
        },
        { timeout: 60_000, interval: 100 },
      );
      expect((await node.text('/live/cam/source/index.m3u8')).status).not.toBe(200);
    },
    60_000,
  );
});

/** How much neighbouring lines differ, and lines two apart: of a picture with combs the first is the larger. */
async function combs(picture: Uint8Array): Promise<{ neighbours: number; twoApart: number }> {
  const { data, info } = await sharp(picture).greyscale().raw().toBuffer({ resolveWithObject: true });
  const difference = (apart: number) => {
    let sum = 0;
    for (let at = 0; at < data.length - apart * info.width; at++)
      sum += Math.abs(data[at]! - data[at + apart * info.width]!);
    return sum / data.length;
  };
  return { neighbours: difference(1), twoApart: difference(2) };
}

describe('interlaced video', () => {
  let source: string;
  beforeAll(async () => {
    source = join(folder, 'interlaced.ts');
    // Upright bars that move: in each picture all lines are alike, in two fields they are not.
    const bars = "color=size=320x192:rate=50,geq=lum='if(gt(mod(X+6*N,48),24),220,30)':cb=128:cr=128";
    const fields = ['-vf', 'tinterlace=interleave_top,fieldorder=tff,format=yuv420p', '-flags', '+ildct+ilme'];
    await runFfmpeg(['-f', 'lavfi', '-i', bars, ...fields, ...h264, '-t', '4', '-g', '25', '-y', source]);
  });

  it('has no combs in pictures and renditions, is copied with its true size, and the API warns', async () => {
    const thumbnail = { intervalSeconds: 1, width: 320, height: 192 };
    const node = await start({ source, thumbnail, video: 'copy', ...encoded });
    const { hls, source: described } = await untilLive(node);
    expect(hls.resolution).toBe('320x192');
    expect(described.warnings.map(({ code }) => code)).toEqual(['interlaced']);
    const still = await runFfmpeg(['-i', source, '-frames:v', '1', '-f', 'image2', '-c:v', 'png', '-']);
    const untreated = await combs(still.stdout);
    expect(untreated.neighbours).toBeGreaterThan(4 * untreated.twoApart);
    const { body: thumbnailBytes } = await vi.waitFor(
      async () => {
        const picture = await node.bytes('/live/cam/thumbnail.jpg');
        expect((await node.stream('cam')).thumbnail).toMatchObject({ state: 'fresh', width: 320, height: 192 });
        return picture;
      },
      { timeout: 60_000, interval: 100 },
    );
    const answer = await node.api('POST', 'streams/cam/snapshot', {});
    const snapshot = Buffer.from(await answer.arrayBuffer());
    const segment = await vi.waitFor(
      async () => {
        const [first] = await node.segments('cam', 'low');
        expect(first).toBeDefined();
        return first!;
      },
      { timeout: 60_000, interval: 100 },
    );
    const path = join(folder, 'deinterlaced.ts');
    await writeFile(path, (await node.bytes(segment)).body);
    // The filter has no picture before the first.
    const rendition = await runFfmpeg([
      '-i',
      path,
      '-vf',
      'select=gte(n\\,5)',
      '-frames:v',
      '1',
      '-f',
      'image2',
      '-c:v',
      'png',
      '-',
    ]);
    for (const picture of [thumbnailBytes, snapshot, rendition.stdout]) {
      const { neighbours } = await combs(picture);
      expect(neighbours).toBeLessThan(untreated.neighbours / 10);
    }
    expect(await sharp(snapshot).metadata()).toMatchObject({ width: 320, height: 192 });
  });
});

describe('sound', () => {
  it('is silence where a source without any is to have AAC, in step with the pictures', async () => {
    const node = await start({ source: await clip('mute.mp4', [...h264, '-pix_fmt', 'yuv420p']), audio: 'aac' });
    const { hls, ffmpeg } = await untilLive(node);
    expect(hls.codecs).toMatch(/^avc1\.\w+,mp4a\.40\.2$/);
    expect(ffmpeg.restarts).toBe(0);
    // Silence is read no faster than pictures come: segments keep their length, past the source's end and beginning.
    await vi.waitFor(async () => expect((await node.stream('cam')).hls.segments).toBeGreaterThanOrEqual(6), {
      timeout: 20_000,
    });
    const { body } = await node.text('/live/cam/source/index.m3u8');
    for (const [, seconds] of body.matchAll(/#EXTINF:([\d.]+)/g)) expect(Number(seconds)).toBeCloseTo(1, 1);
    const said = await decoded(node, 'source');
    expect(said).toMatch(/Audio: aac .*48000 Hz, stereo/);
    const [, video, audio] = /video:(\d+)kB audio:(\d+)kB/.exec(said) ?? [];
    expect([Number(video) > 0, Number(audio) > 0]).toEqual([true, true]);
  });

  it('ends with the source', async () => {
    const source = await clip('short mute.mp4', [...h264, '-pix_fmt', 'yuv420p']);
    const node = await start({ source, audio: 'aac', loop: false });
    const said = () => node.log.map(({ msg }) => msg);
    await vi.waitFor(() => expect(said()).toContain('source ended'), { timeout: 60_000 });
    expect(said()).toContain('stream live');
    const { body } = await node.text('/live/cam/source/index.m3u8');
    expect(body.match(/#EXTINF/g)?.length, body).toBeGreaterThanOrEqual(3);
    expect(body).toContain('#EXT-X-ENDLIST');
  });
});
