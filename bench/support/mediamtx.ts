import { mkdtemp, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { benchFolder } from './clip.js';
import { freePort } from './free-port.js';
import { startServerProcess } from './server-process.js';

/** MediaMTX with low-latency HLS alone, to compare with. */
export interface MediaMtx {
  readonly pid: number;
  readonly rtmpPort: number;
  /** Its page with a player, for a path that is published or pulled. */
  watchUrl(path: string): string;
  close(): Promise<void>;
}

export interface MediaMtxOptions {
  /** The path of its program. */
  readonly program: string;
  readonly segmentSeconds: number;
  readonly partSeconds: number;
  /** RTSP URLs by path. Unset: every path can be published. */
  readonly pulled?: ReadonlyMap<string, string>;
}

export async function startMediaMtx(options: MediaMtxOptions): Promise<MediaMtx> {
  const { program, segmentSeconds, partSeconds, pulled } = options;
  const folder = await mkdtemp(join(await benchFolder(), 'mediamtx-'));
  const [rtmpPort, hlsPort] = [await freePort(), await freePort()];
  const config = {
    logLevel: 'error',
    ...{ rtsp: false, webrtc: false, srt: false, rtmp: pulled === undefined, hls: true },
    rtmpAddress: `127.0.0.1:${rtmpPort}`,
    hlsAddress: `127.0.0.1:${hlsPort}`,
    hlsAlwaysRemux: true,
    hlsVariant: 'lowLatency',
    hlsSegmentDuration: `${segmentSeconds}s`,
    hlsPartDuration: `${partSeconds * 1000}ms`,
    paths:
      pulled === undefined
        ? { all_others: null }
        : Object.fromEntries([...pulled].map(([path, source]) => [path, { source, rtspTransport: 'tcp' }])),
  };
  await writeFile(join(folder, 'mediamtx.yml'), stringify(config));
  const url = `http://127.0.0.1:${hlsPort}`;
  const { child, close } = await startServerProcess({
    command: [resolve(program), join(folder, 'mediamtx.yml')],
    folder,
    spawn: { cwd: folder, stdio: 'ignore' },
    answersAt: url,
    missing: `MEDIAMTX: ${program} did not start`,
  });
  return { pid: child.pid!, rtmpPort, watchUrl: (path) => `${url}/${path}/`, close };
}
