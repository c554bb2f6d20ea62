import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it, vi } from 'vitest';
import { makeClip, runFfmpeg, temporaryFolder } from '../support/clip.js';
import { startNode } from '../support/node.js';
import { createPlaylistChecker } from '../support/playlist-check.js';

let folder: string;
let outside: string;

const patience = { timeout: 60_000, interval: 100 };
const short = { hls: { segmentSeconds: 1 }, thumbnail: { intervalSeconds: 1, width: 160 } };

beforeAll(async () => {
  outside = await temporaryFolder();
  folder = join(outside, 'clips');
  await mkdir(folder);
  const clip = await makeClip({ path: join(outside, 'other.mp4'), seconds: 3, keyframes: [0, 1, 2] });
  const scaled = (path: string, size: string) =>
    runFfmpeg(['-i', clip, '-vf', `scale=${size}`, '-c:v', 'libx264', '-g', '12', '-c:a', 'copy', path]);
  // Named so that numbers and letters sort otherwise; each of another size, so that it shows which one plays.
  await scaled(join(folder, '2-first.mp4'), '320:180');
  await scaled(join(folder, '10-second.ts'), '160:90');
  await scaled(join(outside, '11-third.mkv'), '480:270');
  await symlink(join(outside, 'other.mp4'), join(folder, '3-link.mp4'));
  await writeFile(join(folder, '.hidden.mp4'), 'x');
  await writeFile(join(folder, '1-notes.txt'), 'x');
  await writeFile(join(folder, '4-empty.mp4'), '');
  await mkdir(join(folder, '5-folder.mp4'));
});

it('plays the files of a directory in the order of their names, round after round, and new ones too', async () => {
  const node = await startNode({ streams: [{ name: 'cam', source: `${folder}/`, ...short }] });
  const checker = createPlaylistChecker();
  const sizes: string[] = [];
  let added = false;
  await vi.waitFor(
    async () => {
      const { state, reason, hls, source, ffmpeg } = await node.stream('cam');
      expect(['starting', 'live'], JSON.stringify(reason)).toContain(state);
      expect([source.kind, ffmpeg.restarts]).toEqual(['directory', 0]);
      if (hls.resolution !== null && hls.resolution !== sizes.at(-1)) sizes.push(hls.resolution);
      const { body, status } = await node.text('/live/cam/source/index.m3u8');
      if (status === 200) checker.check(body);
      if (sizes.length === 2 && !added) {
        added = true;
        await rename(join(outside, '11-third.mkv'), join(folder, '11-third.mkv'));
      }
      expect(sizes).toHaveLength(5);
    },
    { timeout: 60_000, interval: 100 },
  );
  expect(sizes).toEqual(['320x180', '160x90', '480x270', '320x180', '160x90']);
});

it('ends with the last file when it is not to be looped', async () => {
  const node = await startNode({ streams: [{ name: 'cam', source: `${folder}/`, loop: false, ...short }] });
  await vi.waitFor(async () => {
    const { state, hls } = await node.stream('cam');
    expect([state, hls.segments > 4]).toEqual(['idle', true]);
  }, patience);
  const { body } = await node.text('/live/cam/source/index.m3u8');
  expect(createPlaylistChecker().check(body).ended).toBe(true);
});

it('says what is wrong with a directory that has nothing to play, and plays what comes', async () => {
  const empty = join(outside, 'empty');
  const node = await startNode({ streams: [{ name: 'cam', source: `${empty}/`, ...short }] });
  const reason = async (message: RegExp) =>
    vi.waitFor(async () => {
      const described = await node.stream('cam');
      expect(described).toMatchObject({ state: 'failed', reason: { code: 'source-unavailable' } });
      expect(described.reason?.message).toMatch(message);
    }, patience);
  await reason(/directory does not exist/);
  await mkdir(empty);
  await symlink(join(outside, 'other.mp4'), join(empty, 'link.mp4'));
  await reason(/no file that can be played/);
  await rm(join(empty, 'link.mp4'));
  await runFfmpeg(['-i', join(outside, 'other.mp4'), '-c', 'copy', join(empty, 'a.ts')]);
  await vi.waitFor(async () => expect((await node.stream('cam')).state).toBe('live'), patience);
});
