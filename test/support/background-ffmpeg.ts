import { spawn } from 'node:child_process';
import ffmpeg from '@ffmpeg-installer/ffmpeg';
import { onTestFinished } from 'vitest';

export interface BackgroundFfmpeg {
  readonly pid: number;
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly running: () => boolean;
  readonly exited: Promise<void>;
  kill(): void;
}

/** The embedded ffmpeg at work beside a test, such as a camera or a player; killed at the test's end. With `onOutput`, its standard output goes there. */
export function startFfmpeg(
  args: readonly string[],
  onOutput?: (piece: Buffer) => void,
  path = ffmpeg.path,
): BackgroundFfmpeg {
  const child = spawn(path, ['-hide_banner', '-nostdin', '-v', 'warning', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (piece: Buffer) => {
    if (onOutput === undefined) stdout += piece;
    else onOutput(piece);
  });
  child.stderr.on('data', (piece) => {
    stderr = `${stderr}${piece}`.slice(-20_000);
  });
  const exited = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve());
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  return {
    pid: child.pid!,
    stdout: () => stdout,
    stderr: () => stderr,
    running: () => child.exitCode === null && child.signalCode === null,
    exited,
    kill: () => void child.kill('SIGKILL'),
  };
}

/** A live camera's picture and sound: 25 frames and one keyframe a second. */
export const camera: readonly string[] = [
  ...['-re', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25'],
  ...['-re', '-f', 'lavfi', '-i', 'sine=sample_rate=48000'],
  ...['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p', '-g', '25'],
  ...['-c:a', 'aac', '-b:a', '64k'],
];

/**
 * A live camera that plays a clip in a loop. It encodes nothing, so it keeps its pace on a busy machine as well.
 * `clip`: what `makeClip` made, shorter than its test.
 */
export function recordedCamera(clip: string): readonly string[] {
  return ['-re', '-stream_loop', '-1', '-i', clip, '-c', 'copy'];
}
