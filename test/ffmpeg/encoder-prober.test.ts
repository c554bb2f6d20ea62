import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCapabilities } from '../../src/ffmpeg/capabilities.js';
import { EncoderProber } from '../../src/ffmpeg/encoder-prober.js';
import { embedded, makeDirectory, newestOptions } from '../support/ffmpeg.js';

let directory: Awaited<ReturnType<typeof makeDirectory>>;
beforeAll(async () => {
  directory = await makeDirectory();
});
afterAll(() => directory.remove());

/** A program that stands for an ffmpeg with hardware of which only some works, and notes how often it is begun. */
async function fakeFfmpeg(name: string, script: string) {
  const path = join(directory.path, name);
  await writeFile(path, `#!/bin/sh\necho x >> "${path}.calls"\n${script}\n`);
  await chmod(path, 0o755);
  const encoders = new Set(['libx264', 'h264_nvenc', 'h264_vaapi', 'h264_v4l2m2m']);
  const calls = async () => (await readFile(`${path}.calls`, 'utf8').catch(() => '')).split('\n').length - 1;
  return { desk: new EncoderProber({ path, options: newestOptions, encoders }), calls };
}

describe('EncoderDesk', () => {
  it('believes a trial only: the first that makes something is taken, and each is tried once', async () => {
    const { desk, calls } = await fakeFfmpeg(
      'vaapi-works',
      `case "$*" in
        *h264_nvenc*) echo '[h264_nvenc @ 0x1] Cannot load libcuda.so.1' >&2; echo 'Conversion failed!' >&2; exit 1 ;;
        *h264_vaapi*) printf 'H264' ;;
      esac`,
    );
    const chosen = await Promise.all([desk.choose('auto'), desk.choose('auto')]);
    expect(chosen).toEqual(Array(2).fill({ encoder: 'h264_vaapi', reason: 'tested and working' }));
    expect(await desk.choose('nvenc')).toEqual({
      encoder: 'libx264',
      reason: 'encoder nvenc does not work (h264_nvenc: Cannot load libcuda.so.1)',
    });
    expect(await calls()).toBe(2);
  });

  it('takes no success for one that made nothing', async () => {
    const { desk } = await fakeFfmpeg('nothing', 'exit 0');
    expect((await desk.choose('v4l2m2m')).reason).toContain('the test encode produced no output');
  });

  it('does not try what the ffmpeg has not, nor anything for software', async () => {
    const { desk, calls } = await fakeFfmpeg('never', 'exit 1');
    expect((await desk.choose('qsv')).reason).toContain('not included in this ffmpeg');
    expect((await desk.choose('software')).encoder).toBe('libx264');
    expect(await calls()).toBe(0);
  });

  it('tries libx264 and hardware with the real ffmpeg', async () => {
    const desk = new EncoderProber(await readCapabilities(embedded.path));
    expect(await desk.try('libx264')).toEqual({ works: true });
    const { encoder, reason } = await desk.choose('auto');
    // Machines that have some may be glad of it.
    expect(encoder === 'libx264' ? reason : 'no hardware encoder works').toContain('no hardware encoder works');
  });
});
