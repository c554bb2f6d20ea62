import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { makeClip, runFfmpeg, temporaryFolder } from '../support/clip.js';
import { startNode, type TestNode } from '../support/node.js';
import { createPlaylistChecker } from '../support/playlist-check.js';

let folder: string;
const clips = { irregular: '', silent: '' };

beforeAll(async () => {
  folder = await temporaryFolder();
  [clips.irregular, clips.silent] = await Promise.all([
    makeClip({ path: join(folder, 'irregular.mp4'), seconds: 12, keyframes: [0, 1.2, 3.6, 4.4, 8, 9.2] }),
    makeClip({ path: join(folder, 'silent.mp4'), seconds: 10, fps: 10, audio: false, bFrames: 1 }),
  ]);
});

/** Polls the playlist until it lists `count` segments, holding each poll against the RFC and all polls before. */
async function pollUntil(node: TestNode, name: string, count: number): Promise<void> {
  const checker = createPlaylistChecker();
  await vi.waitFor(
    async () => {
      const { status, body } = await node.text(`/live/${name}/source/index.m3u8`);
      expect(status).toBe(200);
      expect(checker.check(body).entries.length).toBeGreaterThanOrEqual(count);
    },
    { timeout: 60_000, interval: 100 },
  );
}

/**
 * Plays as ffmpeg does: gives the checksums of the decoded frames. The embedded ffmpeg's HLS demuxer cannot read fMP4 with
 * audio, whoever made it, so there the initialization segment and the segments are fetched and joined, as a browser does.
 */
async function decode(node: TestNode, name: string, container: 'mpegts' | 'fmp4'): Promise<string> {
  let input = `${node.url}/live/${name}/index.m3u8`;
  if (container === 'fmp4') {
    const base = `/live/${name}/source/`;
    const init = /EXT-X-MAP:URI="([^"]+)"/.exec((await node.text(`${base}index.m3u8`)).body)?.[1];
    const urls = [`${base}${init}`, ...(await node.segments(name))];
    const parts = await Promise.all(urls.map(async (url) => (await node.bytes(url)).body));
    input = join(folder, `${name}-${Date.now()}.mp4`);
    await writeFile(input, Buffer.concat(parts));
  }
  const { stdout } = await runFfmpeg(['-xerror', '-i', input, '-t', '3', '-f', 'framecrc', '-']);
  return stdout.toString();
}

/** Processes whose parent is this one and whose program is ffmpeg. */
async function ffmpegChildren(): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry));
  const stats = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')));
  return stats
    .filter((stat) => stat.includes('(ffmpeg)') && stat.split(') ')[1]?.split(' ')[1] === String(process.pid))
    .map(Number.parseInt);
}

describe.each([
  [
    'the test source',
    () => ({ source: 'test' }),
    { video: '1280x720', frameRate: 25, codecs: /^avc1\.[0-9a-f]{6},mp4a\.40\.2$/ },
  ],
  [
    'a clip with irregular keyframes',
    () => ({ source: clips.irregular }),
    { video: '640x360', frameRate: 12.5, codecs: /^avc1\.[0-9a-f]{6},mp4a\.40\.2$/ },
  ],
  [
    'a clip without audio, with B-frames',
    () => ({ source: clips.silent }),
    { video: '640x360', frameRate: 10, codecs: /^avc1\.[0-9a-f]{6}$/ },
  ],
] as const)('%s', (_, stream, expected) => {
  it.each(['mpegts', 'fmp4'] as const)('plays as %s, with a thumbnail of its picture', async (container) => {
    const node = await startNode({
      streams: [{ name: 'cam', ...stream(), hls: { container }, thumbnail: { intervalSeconds: 1, width: 320 } }],
    });
    await pollUntil(node, 'cam', 2);
    const multivariant = await node.text('/live/cam/index.m3u8');
    expect(multivariant.body).toContain(`RESOLUTION=${expected.video}`);
    expect(multivariant.body).toContain(`FRAME-RATE=${expected.frameRate.toFixed(3)}`);
    expect(/CODECS="([^"]+)"/.exec(multivariant.body)?.[1]).toMatch(expected.codecs);
    expect(await decode(node, 'cam', container)).toMatch(/^0, /m);
    const thumbnail = await node.bytes('/live/cam/thumbnail.jpg');
    expect(thumbnail.headers.get('sidepipe-image-state')).toBe('fresh');
    const { width, height } = await sharp(thumbnail.body).metadata();
    expect([width, height]).toEqual([320, 180]);
    expect(await ffmpegChildren()).toHaveLength(1);
  });
});
