import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { isValveAnswer, SNAPSHOT_URL, snapshotOutput, valveCommand } from '../../../src/ffmpeg/output/valve.js';
import { NutDemuxer } from '../../../src/frames/nut-demuxer.js';
import { makeClip, temporaryFolder } from '../../support/clip.js';
import { ffmpegs } from '../../support/ffmpeg.js';

it('knows ffmpeg’s answers, which have no level', () => {
  expect(isValveAnswer('Enter command: <target>|all <time>|-1 <command>[ <argument>]')).toBe(true);
  expect(isValveAnswer('Command reply for stream 1: ret:0 res:')).toBe(true);
  expect(isValveAnswer('Conversion failed!')).toBe(false);
});

it.each(ffmpegs)('keeps pictures back until it is opened, and again once it is shut ($name)', async (tested) => {
  const { path, options } = tested;
  const clip = await makeClip({ path: join(await temporaryFolder(), 'clip.mp4'), seconds: 5, fps: 25, audio: false });
  const counted = ['-map', '0:V:0', '-c', 'copy', '-f', 'null', '-'];
  const input = ['-v', 'level+info', '-stream_loop', '-1', '-re', '-i', clip];
  const args = [...input, ...snapshotOutput({ options }), ...counted];
  const child: ChildProcess = spawn(path, args, { stdio: ['pipe', 'ignore', 'pipe', 'ignore', 'ignore', 'pipe'] });
  try {
    expect(SNAPSHOT_URL).toBe('pipe:5');
    const times: number[] = [];
    const seen = new EventTarget();
    const demuxer = NutDemuxer.video({
      acquire: () => undefined,
      onPacket: ({ ptsSeconds }) => {
        times.push(ptsSeconds);
        seen.dispatchEvent(new Event('picture'));
      },
    });
    (child.stdio.slice(5)[0] as Readable).on('data', (piece: Buffer) => demuxer.push(piece));
    let said = '';
    child.stderr?.on('data', (piece: Buffer) => {
      said += piece;
    });
    const media = async (seconds: number) => {
      // Its own report of where it is: no clock here.
      const at = () => Number(/time=00:00:(\d+\.\d+)(?!.*time=)/s.exec(said)?.[1] ?? 0);
      const end = at() + seconds;
      while (at() < end) await once(child.stderr!, 'data');
    };
    await media(1.5);
    expect(times.length).toBeLessThanOrEqual(1);
    const opened = once(seen, 'picture');
    child.stdin!.write(valveCommand(true));
    await opened;
    child.stdin!.write(valveCommand(false));
    await media(1);
    const shut = times.length;
    await media(1);
    expect(times).toHaveLength(shut);
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});
