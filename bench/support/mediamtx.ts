import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { benchFolder } from './clip.js';
import { freePort } from './free-port.js';
import { startServerProcess } from './server-process.js';

/** MediaMTX with low-latency HLS alone, to compare with. */
export interface MediaMtx {
  readonly rtmpPort: number;
  /** Its page with a player, for a path that is published. */
  watchUrl(path: string): string;
  close(): Promise<void>;
}

export interface MediaMtxOptions {
  /** Its program. */
  readonly program: string;
  readonly segmentSeconds: number;
  readonly partSeconds: number;
}

export async function startMediaMtx({ program, segmentSeconds, partSeconds }: MediaMtxOptions): Promise<MediaMtx> {
  const folder = await mkdtemp(join(await benchFolder(), 'mediamtx-'));
  const [rtmpPort, hlsPort] = [await freePort(), await freePort()];
  const config = {
    logLevel: 'error',
    ...{ rtsp: false, webrtc: false, srt: false, rtmp: true, hls: true },
    rtmpAddress: `127.0.0.1:${rtmpPort}`,
    hlsAddress: `127.0.0.1:${hlsPort}`,
    hlsAlwaysRemux: true,
    hlsVariant: 'lowLatency',
    hlsSegmentDuration: `${segmentSeconds}s`,
    hlsPartDuration: `${partSeconds * 1000}ms`,
    paths: { all_others: null },
  };
  await writeFile(join(folder, 'mediamtx.yml'), stringify(config));
  const url = `http://127.0.0.1:${hlsPort}`;
  const { close } = await startServerProcess({
    command: [program, join(folder, 'mediamtx.yml')],
    folder,
    spawn: { cwd: folder, stdio: 'ignore' },
    answersAt: url,
    missing: `MEDIAMTX: ${program} did not start`,
  });
  return { rtmpPort, watchUrl: (path) => `${url}/${path}/`, close };
}
