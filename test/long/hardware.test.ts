import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import ffmpeg from '@ffmpeg-installer/ffmpeg';
import { expect, it, vi } from 'vitest';
import { temporaryFolder } from '../support/clip.js';
import { startNode } from '../support/node.js';

/**
 * The real ffmpeg behind a script that plays a card's part: V4L2 M2M is in the embedded ffmpeg's list, and its encodes are
 * libx264's. In the trial it works; in a stream it does so until `broken` is there, and then says what a driver says.
 */
async function makeCard(): Promise<{ path: string; break: () => Promise<void> }> {
  const folder = await temporaryFolder();
  const path = join(folder, 'ffmpeg');
  const broken = join(folder, 'broken');
  const script = `#!/bin/sh
case "$*" in
  *-progress*h264_v4l2m2m*)
    if [ -e '${broken}' ]; then
      echo '[h264_v4l2m2m @ 0x1] [error] VIDIOC_STREAMON failed on output context' >&2
      exit 1
    fi ;;
esac
for word do
  shift
  [ "$word" = h264_v4l2m2m ] && word=libx264
  set -- "$@" "$word"
done
exec '${ffmpeg.path}' "$@"
`;
  await writeFile(path, script);
  await chmod(path, 0o755);
  return { path, break: () => writeFile(broken, '') };
}

it('a hardware encoder that works is used; when it fails, libx264 takes its place and says why', async () => {
  const card = await makeCard();
  const node = await startNode({
    ffmpeg: { path: card.path },
    streams: [
      {
        name: 'cam',
        source: 'test',
        hls: { segmentSeconds: 1 },
        thumbnail: { intervalSeconds: 1, width: 160 },
        renditions: [{ name: 'low', height: 90, bitrate: 200_000, encoder: 'v4l2m2m', preset: 'ultrafast' }],
      },
    ],
  });
  const until = (encoder: string, reason: string) =>
    vi.waitFor(
      async () => {
        const { state, hls } = await node.stream('cam');
        expect(state).toBe('live');
        expect(hls.renditions).toMatchObject([{ encoder, encoderReason: reason }]);
        return (await node.stream('cam')).ffmpeg.pid!;
      },
      { timeout: 60_000, interval: 100 },
    );
  const pid = await until('h264_v4l2m2m', 'tested and working');
  await card.break();
  process.kill(pid, 'SIGKILL');
  await until('libx264', 'h264_v4l2m2m failed while in use (VIDIOC_STREAMON failed on output context)');
  const told = node.log.filter(({ msg }) => msg === 'encoder chosen');
  expect(told.map(({ encoder }) => encoder)).toEqual(['h264_v4l2m2m', 'libx264']);
});
