import ffmpeg from '@ffmpeg-installer/ffmpeg';
import { spawnChild } from '../../src/ffmpeg/child.js';
import { createOrphanGuard } from '../../src/ffmpeg/guard.js';

/** A node that runs one guarded ffmpeg until it is killed. Started by guard.test.ts, which reads the line that it prints. */
const guard = await createOrphanGuard(process.argv[2] === 'reaper' ? { setpriv: null } : {});
// Its only output goes nowhere, so no broken pipe ends it.
const args = ['-hide_banner', '-nostdin', '-re', '-f', 'lavfi', '-i', 'testsrc2=size=64x36:rate=5', '-f', 'null', '-'];
const child = await spawnChild(guard.wrap(ffmpeg.path, args));
child.stdout.resume();
child.side.resume();
guard.watch(child.pid);
// It runs once it speaks.
child.stderr.once('data', () => {
  process.stdout.write(`${JSON.stringify({ way: guard.way, ffmpeg: child.pid })}\n`);
});
child.stderr.resume();
