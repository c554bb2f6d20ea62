import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/parse.js';
import type { ChildExit } from '../../../src/ffmpeg/child.js';
import { LogTail } from '../../../src/ffmpeg/log/log-tail.js';
import { endOfItself } from '../../../src/stream/run/run-end.js';

function errorOf(exit: ChildExit, stderr: string, isAudioMissing = false) {
  const [config] = parseConfig({ streams: [{ name: 'cam', source: 'http://camera.example/a.ts' }] }).streams;
  const tail = new LogTail({ redact: (text) => text, onLine: () => {} });
  tail.push(Buffer.from(stderr));
  tail.close();
  const source = { kind: 'http', url: config!.source } as const;
  const end = endOfItself({ exit, config: config!, source, tail, isAudioMissing });
  return end.kind === 'failed' ? end.error : undefined;
}

describe('an ffmpeg that ended without being told to', () => {
  it.each(['SIGSEGV', 'SIGILL', 'SIGBUS', 'SIGABRT'] as const)('is unusable where it crashed by %s', (signal) => {
    const error = errorOf({ code: null, signal }, '[http @ 0x1] [error] x: Invalid data found when processing input\n');
    expect(error).toMatchObject({ code: 'ffmpeg-unusable', fault: 'node' });
    expect(error?.message).toMatch(new RegExp(`crashed \\(${signal}\\).*ffmpeg\\.path.*doctor`));
  });

  it.each([
    [127, 'setpriv: failed to execute /no/such/ffmpeg: No such file or directory\n'],
    [126, 'setpriv: failed to execute ./notexec: Permission denied\n'],
  ])('is unusable where it could not be executed: %i', (code, stderr) => {
    const error = errorOf({ code, signal: null }, stderr);
    expect(error).toMatchObject({ code: 'ffmpeg-unusable', fault: 'node' });
    expect(error?.message).toContain(stderr.trim());
  });

  it('is not taken for one that was not executed where it logged an error', () => {
    const error = errorOf({ code: 127, signal: null }, '[error] http://camera: Connection refused\n');
    expect(error).toMatchObject({ code: 'source-unavailable', fault: 'source' });
  });

  it('was no fault of the source where a signal killed it', () => {
    const error = errorOf({ code: null, signal: 'SIGKILL' }, '[http @ 0x1] [warning] HTTP error 404 Not Found\n');
    expect(error).toMatchObject({ code: 'ffmpeg-failed', fault: 'node' });
    expect(error?.message).toMatch(/SIGKILL, as Linux does when memory runs out/);
  });

  // As 4.1 and 5.1, 7.1 and 9.0.2 end at the end of a source whose audio was to be decoded and did not come.
  const missingAudio = [
    [
      '[error] Cannot determine format of input stream 0:1 after EOF',
      '[fatal] Error marking filters as finished',
      '[info] Conversion failed!',
    ],
    [
      '[graph_-1_in_0:1 @ 0x1] [error] Neither number of channels nor channel layout specified',
      '[error] Error initializing filters!',
      '[af#1:0 @ 0x1] [error] Task finished with error code: -22 (Invalid argument)',
      '[aost#1:0/pcm_u8 @ 0x1] [error] Could not open encoder before EOF',
      '[aost#1:0/pcm_u8 @ 0x1] [error] Terminating thread with return code -22 (Invalid argument)',
      '[out#1/u8 @ 0x1] [error] Nothing was written into output file, because at least one of its streams received no packets.',
    ],
    [
      '[graph_-1_in_0:1 @ 0x1] [error] Neither number of channels nor channel layout specified',
      '[af#1:0 @ 0x1] [error] Error initializing filters!',
      '[af#1:0 @ 0x1] [error] Task finished with error code: -22 (Invalid argument)',
      '[aost#1:0/pcm_u8 @ 0x1] [enc:pcm_u8 @ 0x1] [error] Could not open encoder before EOF',
      '[out#1/u8 @ 0x1] [error] Nothing was written into output file, because at least one of its streams received no packets.',
    ],
  ].map((lines) => `${lines.join('\n')}\n`);

  it.each(missingAudio)('came to the end of its source, whatever it says of audio that was missing: %#', (stderr) => {
    const error = errorOf({ code: 1, signal: null }, stderr, true);
    expect(error).toMatchObject({ code: 'ffmpeg-failed', fault: 'source', message: 'The source ended.' });
  });

  it.each(missingAudio)('ended for what else it says where audio was missing: %#', (stderr) => {
    const error = errorOf({ code: 1, signal: null }, `[rtsp @ 0x1] [error] cam: Connection timed out\n${stderr}`, true);
    expect(error).toMatchObject({ code: 'source-unavailable', message: expect.stringMatching(/timed out/) });
  });
});
