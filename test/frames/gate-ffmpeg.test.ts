import { execFileSync } from 'node:child_process';
import ffmpeg from '@ffmpeg-installer/ffmpeg';
import { describe, expect, it } from 'vitest';
import { FrameGate } from '../../src/frames/gate.js';

describe('FrameGate on encoded video', () => {
  it('knows black, flat and frozen when they come back from an encoder, within the documented times', () => {
    const moving = 'testsrc2=s=320x180:r=1:d=5';
    const parts = [
      moving,
      'color=black:s=320x180:r=1:d=15',
      moving,
      'color=0x3060a0:s=320x180:r=1:d=15',
      moving,
      'testsrc2=s=320x180:r=1:d=1,loop=70:1,trim=end_frame=70,setpts=N/TB',
      moving,
    ];
    const graph = `${parts.map((part, at) => `${part}[p${at}]`).join(';')};${parts.map((_, at) => `[p${at}]`).join('')}concat=n=${parts.length}`;
    const source = ['-f', 'lavfi', '-i', graph];
    const encoder = ['-c:v', 'libx264', '-preset', 'veryfast', '-g', '5', '-b:v', '100k', '-pix_fmt', 'yuv420p'];
    const encoded = run([...source, ...encoder, '-f', 'mpegts', '-']);
    const raw = run(['-i', '-', '-vsync', '0', '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'], encoded);

    const gate = new FrameGate();
    const [width, height] = [320, 180];
    const frameBytes = width * height * 3;
    const events: unknown[] = [];
    for (let at = 0; (at + 1) * frameBytes <= raw.byteLength; at += 1) {
      const data = raw.subarray(at * frameBytes, (at + 1) * frameBytes);
      const { event } = gate.judge({ data, width, height, capturedAt: at * 1000 });
      if (event !== undefined) events.push([at, event]);
    }
    expect(raw.byteLength / frameBytes).toBe(120);
    expect(events).toEqual([
      [15, 'black'],
      [20, 'recovered'],
      [35, 'flat'],
      [40, 'recovered'],
      [105, 'frozen'],
      // Frame 115 is the frozen picture itself: the test source begins with it.
      [116, 'recovered'],
    ]);
  });
});

function run(args: readonly string[], input?: Uint8Array): Buffer {
  return execFileSync(ffmpeg.path, ['-v', 'error', ...args], { maxBuffer: 1e8, ...(input && { input }) });
}
