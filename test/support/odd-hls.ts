import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeClip, runFfmpeg, temporaryFolder } from './clip.js';
import type { Route } from './http-source.js';
import { paceTransportStream } from './paced-transport-stream.js';

/** Sources over HTTP whose URLs tell nothing of what they are, or tell something else. */
export interface OddHls {
  /**
   * `/live`, `/text` and `/locked`: HLS with segments that have no extension, the second as `text/plain`, the third encrypted;
   * `/stream.m3u8`: a transport stream.
   */
  readonly routes: Readonly<Record<string, Route>>;
}

/** Makes them of a picture that moves for so many seconds, two a segment. */
export async function makeOddHls(seconds: number): Promise<OddHls> {
  const folder = await temporaryFolder();
  const clip = await makeClip({
    ...{ path: join(folder, 'clip.mp4'), seconds, fps: 12.5, size: '320x180', audio: false },
    keyframes: Array.from({ length: seconds }, (_, second) => second),
  });
  const [parts, locked, key] = [join(folder, 'parts'), join(folder, 'locked'), join(folder, 'key')];
  await Promise.all([mkdir(parts), mkdir(locked), writeFile(key, randomBytes(16))]);
  await writeFile(join(folder, 'key-info'), `locked/key\n${key}\n`);
  const copy = ['-i', clip, '-map', '0:v', '-c', 'copy'];
  const segments = (to: string) => [
    '-f',
    'hls',
    '-hls_time',
    '2',
    '-hls_list_size',
    '0',
    '-hls_segment_filename',
    join(to, '%d'),
  ];
  const encrypted = ['-hls_key_info_file', join(folder, 'key-info')];
  await runFfmpeg([...copy, ...segments(parts), join(folder, 'live.m3u8')]);
  await runFfmpeg([...copy, ...segments(locked), ...encrypted, join(folder, 'locked.m3u8')]);
  await runFfmpeg([...copy, '-f', 'mpegts', join(folder, 'clip.ts')]);
  const playlistOf = async (name: string, prefix: string) =>
    (await readFile(join(folder, name), 'utf8')).replace(/^(\d+)$/gm, `${prefix}/$1`);
  const playlist = await playlistOf('live.m3u8', 'part');
  const routes: Record<string, Route> = {
    '/live': serve(playlist, 'application/vnd.apple.mpegurl'),
    '/text': serve(playlist, 'text/plain'),
    '/locked': serve(await playlistOf('locked.m3u8', 'locked'), 'application/vnd.apple.mpegurl'),
    '/locked/key': serve(await readFile(key), 'application/octet-stream'),
    '/stream.m3u8': paceTransportStream(await readFile(join(folder, 'clip.ts'))).route,
  };
  for (const [prefix, from] of [
    ['part', parts],
    ['locked', locked],
  ] as const) {
    for (const name of await readdir(from))
      routes[`/${prefix}/${name}`] = serve(await readFile(join(from, name)), 'application/octet-stream');
  }
  return { routes };
}

function serve(body: string | Buffer, type: string): Route {
  return (_request, response) => void response.writeHead(200, { 'content-type': type }).end(body);
}
