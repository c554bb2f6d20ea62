import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { camera, startFfmpeg } from '../support/background-ffmpeg.js';
import { providedFfmpeg } from '../support/ffmpeg.js';
import { freeUdpPort } from '../support/free-port.js';
import { live } from '../support/live.js';
import { startNode } from '../support/node.js';
import { until } from '../support/wait.js';

/** The secrets of an SRT source with each ffmpeg that has SRT. Other users of the machine read command lines. */

const plain = 'correct-horse-1';
const odd = "it's a&b+c%41 d";

it.each([
  ['5.1', plain, /^hls\+http:/],
  ['5.1', odd, /^http:/],
  ['7.1', odd, /^http:/],
  ['sid', odd, /^http:/],
  ['9.0.2', plain, /^http:/],
  ['9.0.2', odd, /^http:/],
])('ffmpeg %s calls with the passphrase %s, which is no argument', async (version, passphrase, opened) => {
  const port = await freeUdpPort();
  // With its own options ffmpeg takes the passphrase as it is.
  const encryption = ['-passphrase', passphrase, '-mode', 'listener'];
  startFfmpeg([...camera, '-f', 'mpegts', ...encryption, `srt://127.0.0.1:${port}`], undefined, providedFfmpeg('5.1'));
  const node = await startNode({
    ffmpeg: { path: providedFfmpeg(version) },
    streams: [
      {
        ...{ name: 'cam', source: `srt://127.0.0.1:${port}`, srt: { passphrase } },
        ...{ hls: { segmentSeconds: 1 }, thumbnail: { intervalSeconds: 1, width: 160 } },
      },
    ],
  });
  const described = await live(node);
  expect(described.ffmpeg.restarts, JSON.stringify(node.log)).toBe(0);
  const command = await readFile(`/proc/${described.ffmpeg.pid}/cmdline`, 'utf8');
  expect(command.split('\0')[command.split('\0').indexOf('-i') + 1]).toMatch(opened);
  for (const text of [JSON.stringify([described, node.log]), command]) expect(text).not.toContain(passphrase);
});

it.each(['5.1', '9.0.2'])('ffmpeg %s says that the passphrase is wrong', async (version) => {
  const port = await freeUdpPort();
  const encryption = ['-passphrase', plain, '-mode', 'listener'];
  startFfmpeg([...camera, '-f', 'mpegts', ...encryption, `srt://127.0.0.1:${port}`], undefined, providedFfmpeg('5.1'));
  const srt = { passphrase: 'a wrong & odd one' };
  const node = await startNode({
    ffmpeg: { path: providedFfmpeg(version) },
    streams: [{ name: 'cam', source: `srt://127.0.0.1:${port}`, srt }],
  });
  const reason = await until('a reason', async () => (await node.stream('cam')).reason ?? undefined);
  expect(reason).toEqual({ code: 'source-refused', message: expect.stringMatching(/passphrase/) });
  expect(JSON.stringify(node.log)).not.toContain(srt.passphrase);
});
