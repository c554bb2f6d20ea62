import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { NutMuxer, TIME_BASE } from '../../src/frames/nut-muxer.js';
import { runFfmpeg, temporaryFolder } from '../support/clip.js';

it('writes what ffmpeg reads without a complaint: every packet with its time and size, far beyond the distance of two syncpoints', async () => {
  const muxer = new NutMuxer();
  const packets = Array.from({ length: 60 }, (_, index) => ({
    stream: index % 2 === 0 ? ('video' as const) : ('marks' as const),
    ticks: index * TIME_BASE,
    data: new Uint8Array(index % 2 === 0 ? 1 + index * 4000 : 1).fill(0x4e),
  }));
  const header = muxer.header();
  const pieces = packets.map(({ stream, ticks, data }) => muxer.packet(stream, ticks, data));
  const path = join(await temporaryFolder(), 'a.nut');
  await writeFile(path, Buffer.concat([header, ...pieces]));
  const read = ['-v', 'warning', '-copyts', '-f', 'nut', '-i', path];
  const copied = await runFfmpeg([...read, '-map', '0', '-c', 'copy', '-f', 'framecrc', '-']);
  const rows = copied.stdout
    .toString()
    .split('\n')
    .filter((line) => /^\d/.test(line));
  const found = rows.map((row) => row.split(',').map(Number)).sort((one, other) => one[2]! - other[2]!);
  expect(found.map(([stream, , ticks, , bytes]) => ({ stream, ticks, bytes }))).toEqual(
    packets.map(({ stream, ticks, data }) => ({ stream: stream === 'video' ? 0 : 1, ticks, bytes: data.length })),
  );
});
