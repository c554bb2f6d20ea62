import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startFfmpeg } from '../support/background-ffmpeg.js';
import { makeClip, temporaryFolder } from '../support/clip.js';
import { startNode } from '../support/node.js';
import { until } from '../support/wait.js';

/** A camera whose sensor has stopped: its encoder gets one detailed picture again and again, and has a keyframe a second. */
const stopped = [
  '-re',
  '-f',
  'lavfi',
  '-i',
  'mandelbrot=size=320x180:rate=25,trim=end_frame=1,loop=3000:1,setpts=N/25/TB',
];
const common = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '25', '-sc_threshold', '0'];
const encoders = {
  quality: [...common, '-tune', 'zerolatency'],
  filler: [
    ...[...common, '-b:v', '2M', '-minrate', '2M', '-maxrate', '2M', '-bufsize', '2M'],
    ...['-x264-params', 'nal-hrd=cbr:force-cfr=1'],
  ],
  // Never enough for the picture: all of it is spent, as if it moved.
  starved: [...common, '-tune', 'zerolatency', '-b:v', '200k', '-maxrate', '200k', '-bufsize', '100k'],
} as const;
const frozen = Object.keys(encoders) as (keyof typeof encoders)[];

it('tells a clip in a loop, whose keyframes are all the same, from cameras that have frozen', async () => {
  const folder = await temporaryFolder();
  const clip = join(folder, 'clip.mp4');
  // One GOP of a second, of which the loop makes as many as are wanted.
  await makeClip({ path: clip, seconds: 1, fps: 25, size: '320x180', keyframes: [0], audio: false });
  const gate = { frozenAfterSeconds: 4 };
  const thumbnail = { intervalSeconds: 1, width: 320, decode: 'keyframes' as const, staleAfterSeconds: 60, gate };
  const { node, stream } = await startNode({
    streams: [
      { name: 'loop', source: clip, audio: 'none', hls: { segmentSeconds: 1 }, thumbnail },
      ...frozen.map((name) => ({
        ...{ name, source: 'push', audio: 'none' as const, hls: { segmentSeconds: 1 }, thumbnail },
        keys: [`key-of-${name}`],
      })),
    ],
  });
  const told: { stream: string; type: string }[] = [];
  void (async () => {
    for await (const { stream: name, type } of node.events.subscribe()) told.push({ stream: name, type });
  })();
  const shown: Buffer[] = [];
  void (async () => {
    for await (const { data } of node.streams.get('loop')!.series.frames({ limit: 100 })) shown.push(Buffer.from(data));
  })();
  const { port } = node.rtmpAddresses.rtmp!;
  for (const name of frozen) {
    const to = `rtmp://127.0.0.1:${port}/live/${name}?key=key-of-${name}`;
    startFfmpeg([...stopped, ...encoders[name], '-f', 'flv', to]);
  }

  const has = (name: string, type: string) => told.some((event) => event.stream === name && event.type === type);
  await until('each stopped camera to be told', () => frozen.every((name) => has(name, 'frozen')), {
    timeoutMs: 90_000,
  });
  // Three times as long as it takes to be frozen.
  await until('many pictures of the loop', () => shown.length > 3 * gate.frozenAfterSeconds + 3, { timeoutMs: 90_000 });
  expect(new Set(shown.map((data) => data.toString('latin1'))).size).toBe(1);
  expect(has('loop', 'frozen')).toBe(false);
  expect((await stream('loop')).thumbnail).toMatchObject({ gate: { state: 'good' }, decode: { mode: 'keyframes' } });
  // An encoder with too few bits goes on improving a frozen picture, which can look like movement for a moment.
  for (const name of frozen.filter((each) => each !== 'starved')) expect(has(name, 'recovered'), name).toBe(false);
}, 200_000);
