import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { MONITOR_URL, monitorOutput } from '../../../src/ffmpeg/output/monitor.js';
import { runFfmpeg, temporaryFolder } from '../../support/clip.js';
import { embedded } from '../../support/ffmpeg.js';

const plan = { width: 320, height: 180, fps: 30, bitrate: 300_000 };

it.each([false, true])(
  'encodes through changes of size, through jumps forward and back, and never ahead of the source; narrow timestamps: %s',
  async (hasNarrowTimestamps) => {
    const folder = await temporaryFolder();
    const parts = [
      { size: '320x180', rate: 25, at: 10 },
      { size: '640x480', rate: 25, at: 12 },
      { size: '180x320', rate: 50, at: 3 },
      { size: '320x180', rate: 10, at: 5000 },
    ];
    const pieces: Uint8Array[] = [];
    for (const [index, { size, rate, at }] of parts.entries()) {
      const path = join(folder, `${index}.ts`);
      await runFfmpeg([
        ...['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=${rate}`, '-t', '2', '-c:v', 'libx264', '-g', '10'],
        ...['-pix_fmt', 'yuv420p', '-preset', 'ultrafast', '-output_ts_offset', String(at), '-f', 'mpegts', path],
      ]);
      pieces.push(await readFile(path));
    }
    const [source, shown] = [join(folder, 'source.ts'), join(folder, 'shown.ts')];
    await writeFile(source, Buffer.concat(pieces));
    const output = monitorOutput(plan, { options: embedded.options, hasNarrowTimestamps });
    expect(output.at(-1)).toBe(MONITOR_URL);
    await runFfmpeg(['-threads', '1', '-i', source, ...output.slice(0, -1), shown]);
    const { stderr } = await runFfmpeg(['-v', 'info', '-i', shown, '-vf', 'showinfo', '-f', 'null', '-']);
    const pictures = [...stderr.matchAll(/ n: *\d+ .*pts_time:([\d.]+) .* s:(\d+x\d+)/g)];
    expect(new Set(pictures.map((match) => match[2]))).toEqual(new Set(['320x180']));
    // 50 + 50 + 100, of which every other one, + 20; a demuxer may lose one where two parts meet.
    expect(pictures.length).toBeGreaterThan(165);
    expect(pictures.length).toBeLessThan(180);
    const times = pictures.map((match) => Number(match[1]));
    expect(times.at(-1)! - times[0]!).toBeLessThan(8);
  },
  30_000,
);
