import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../test/support/wait.js';
import { ALLOCATOR_SETTINGS, assignments } from './support/allocator.js';
import { type CameraProcess, startCameras } from './support/camera-process.js';
import { makeClip } from './support/clip.js';
import { freePort } from './support/free-port.js';
import { startMediaMtx } from './support/mediamtx.js';
import { startNodeProcess } from './support/node-process.js';
import { type Answer, atMost, type QuestionOptions, type Ratio, type Row } from './support/question.js';
import { familyUsage, type Usage } from './support/usage.js';

/** Windows have to fill first. */
export const isSlow = true;

/** `STREAMS=N` for another number. */
const STREAMS = Number(process.env['STREAMS'] ?? 20);
const INTERVAL_SECONDS = 5;
const SEGMENT_SECONDS = 2;
const PART_SECONDS = 0.2;
const WARM_UP_SECONDS = 30;
const STEADY_SECONDS = 60;
/** Percent of a core for a stream, and megabytes. */
const MOST_CPU = { pushed: 2.2, pulled: 2 } as const;
const MOST_MEGABYTES = 35;

type Way = 'pushed' | 'pulled';

/** What is measured beside each other, at the same time. */
interface Server {
  readonly name: string;
  readonly pid: number;
  /** Whether all streams play and have a thumbnail where they get one. */
  isUp(): Promise<boolean>;
  /** Seconds of media that it has listed so far, of all streams. */
  listedSeconds?(): Promise<number>;
  close(): Promise<void>;
}

interface Measured {
  readonly name: string;
  /** Seconds of media listed a second, of a stream: 1 unless the cameras or the server were late; NaN where unknown. */
  readonly media: number;
  /** Percent of a core for a stream: of the server itself, and of the processes that it started. */
  readonly ownCpu: number;
  readonly childrenCpu: number;
  /** Proportional set size for a stream, in megabytes. */
  readonly ownMegabytes: number;
  readonly childrenMegabytes: number;
}

/**
 * What does a copied stream cost, node and ffmpeg together? `PREVIOUS=PATH` (a built checkout) and `MEDIAMTX=PATH` (the program, which
 * makes no thumbnails) are measured at the same time, with the same cameras.
 */
export async function run({ quick }: QuestionOptions): Promise<Answer> {
  const seconds = quick ? { warmUp: 8, steady: 10 } : { warmUp: WARM_UP_SECONDS, steady: STEADY_SECONDS };
  const clip = await makeClip({ seconds: seconds.warmUp + seconds.steady + 60, container: 'flv' });
  const count = quick ? 2 : STREAMS;
  const rows: Row[] = [];
  const ratios: Ratio[] = [];
  for (const way of ['pushed', 'pulled'] as const) {
    const [own, ...others] = await measure(way, { clip, count, ...seconds });
    rows.push(...[own!, ...others].flatMap((each) => rowsOf(way, each)));
    const [cpu, megabytes] = [cpuOf(own!), megabytesOf(own!)];
    // A few streams do not share what the node needs by itself.
    const bounded = quick ? (name: string, value: number): Ratio => ({ name, value, better: 'less' }) : atMost;
    ratios.push(
      bounded(`${way}: % of a core for a stream`, cpu, MOST_CPU[way]),
      bounded(`${way}: MB for a stream`, megabytes, MOST_MEGABYTES),
      ...others.flatMap((other): Ratio[] => [
        { name: `${way}: CPU ÷ that of ${other.name}`, value: cpu / cpuOf(other), better: 'less' },
        { name: `${way}: memory ÷ that of ${other.name}`, value: megabytes / megabytesOf(other), better: 'less' },
      ]),
    );
  }
  return {
    question: `CPU and memory (PSS) for a copied stream, node and ffmpeg together: ${count} streams of 1080p30 at 4.5 Mbit/s, a keyframe every 2 s, a 1280×720 thumbnail every ${INTERVAL_SECONDS} s; pushed by RTMP, pulled by RTSP; nodes with ${assignments(ALLOCATOR_SETTINGS)}, as the Docker image and the systemd unit set it; others at the same time`,
    rows,
    ratios,
  };
}

const cpuOf = ({ ownCpu, childrenCpu }: Measured) => ownCpu + childrenCpu;
const megabytesOf = ({ ownMegabytes, childrenMegabytes }: Measured) => ownMegabytes + childrenMegabytes;

function rowsOf(way: Way, { name, ...measured }: Measured): Row[] {
  const row = (what: string, value: number, unit: string): Row => ({
    ...{ name: `${way}, ${name}: ${what}`, value, unit, better: 'less' },
  });
  return [
    ...(Number.isNaN(measured.media) ? [] : [row('media listed', measured.media * 100, '% of real time')]),
    row('CPU of the server', measured.ownCpu, '% of a core'),
    row('CPU of its ffmpegs', measured.childrenCpu, '% of a core'),
    row('memory of the server', measured.ownMegabytes, 'MB'),
    row('memory of its ffmpegs', measured.childrenMegabytes, 'MB'),
  ];
}

interface MeasureOptions {
  readonly clip: string;
  readonly count: number;
  readonly warmUp: number;
  readonly steady: number;
}

async function measure(way: Way, { clip, count, warmUp, steady }: MeasureOptions): Promise<Measured[]> {
  const names = Array.from({ length: count }, (_, index) => `camera-${index}`);
  const open: { close(): Promise<void> }[] = [];
  const opened = <T extends { close(): Promise<void> }>(each: T): T => {
    open.push(each);
    return each;
  };
  try {
    const cameras = way === 'pulled' ? opened(await startCameras({ kind: 'rtsp', clip })) : undefined;
    const sources = { names, cameras };
    const { PREVIOUS: previous, MEDIAMTX: mediaMtx } = process.env;
    const servers = [opened(await startNode('this version', undefined, sources))];
    if (previous !== undefined) servers.push(opened(await startNode('previous version', previous, sources)));
    if (mediaMtx !== undefined) servers.push(opened(await startComparison(mediaMtx, sources)));
    if (cameras === undefined) {
      const targets = servers.flatMap(({ rtmpPort, keyOf }) =>
        names.map((name) => ({ port: rtmpPort, key: keyOf(name) })),
      );
      opened(await startCameras({ kind: 'publish', clip, targets }));
    }
    const areUp = async () => (await Promise.all(servers.map((server) => server.isUp()))).every(Boolean);
    await until('all streams', areUp, { timeoutMs: 120_000, intervalMs: 500 });
    await delay(warmUp * 1000);
    const usages = () =>
      Promise.all(
        servers.map(async ({ pid, listedSeconds }) => ({
          ...(await familyUsage(pid)),
          listedSeconds: await listedSeconds?.(),
        })),
      );
    const before = await usages();
    await delay(steady * 1000);
    const after = await usages();
    return servers.map(({ name }, index) => measuredOf(name, before[index]!, after[index]!, count));
  } finally {
    for (const each of open.reverse()) await each.close();
  }
}

type Measurement = Usage & { readonly listedSeconds: number | undefined };

/** Throws where a process was restarted in the meantime: what is measured then is not a steady stream. */
function measuredOf(name: string, before: Measurement, after: Measurement, count: number): Measured {
  if (before.children.pids.join() !== after.children.pids.join()) throw new Error(`${name}: an ffmpeg was restarted`);
  const seconds = after.atSeconds - before.atSeconds;
  const media = ((after.listedSeconds ?? Number.NaN) - (before.listedSeconds ?? Number.NaN)) / seconds / count;
  const cpu = (of: 'own' | 'children') => ((after[of].cpuSeconds - before[of].cpuSeconds) / seconds / count) * 100;
  const megabytes = (of: 'own' | 'children') => after[of].bytes / count / 1e6;
  return {
    ...{ name, media },
    ...{ ownCpu: cpu('own'), childrenCpu: cpu('children') },
    ...{ ownMegabytes: megabytes('own'), childrenMegabytes: megabytes('children') },
  };
}

interface Sources {
  readonly names: readonly string[];
  /** Undefined: streams are pushed. */
  readonly cameras: CameraProcess | undefined;
}

type Receiver = Server & { readonly rtmpPort: number; keyOf(name: string): string };

const keyOf = (stream: string) => `a-long-key-of-${stream}`;
const cameraUrl = ({ port }: CameraProcess, name: string) => `rtsp://127.0.0.1:${port}/${name}`;

async function startNode(name: string, checkout: string | undefined, { names, cameras }: Sources): Promise<Receiver> {
  const rtmpPort = await freePort();
  const streams = names.map((stream) => ({
    ...(cameras === undefined ? { source: 'push', keys: [keyOf(stream)] } : { source: cameraUrl(cameras, stream) }),
    name: stream,
    hls: { segmentSeconds: SEGMENT_SECONDS },
    thumbnail: { intervalSeconds: INTERVAL_SECONDS, width: 1280 },
  }));
  const rtmp = cameras === undefined ? { rtmp: { host: '127.0.0.1', port: rtmpPort } } : {};
  const node = await startNodeProcess({
    config: { ...rtmp, streams },
    environment: ALLOCATOR_SETTINGS,
    ...(checkout === undefined ? {} : { cli: join(resolve(checkout), 'dist/cli.js') }),
  });
  return {
    name,
    rtmpPort,
    pid: node.pid,
    keyOf: (stream) => `${stream}?key=${keyOf(stream)}`,
    isUp: async () =>
      (await node.streams()).every(({ state, thumbnail: { captured } }) => state === 'live' && captured > 1),
    listedSeconds: async () =>
      (await node.streams()).reduce((sum, { hls }) => sum + (hls.mediaSequence + hls.segments) * SEGMENT_SECONDS, 0),
    close: () => node.close(),
  };
}

/** Low-latency HLS of all streams, all of the time. */
async function startComparison(program: string, { names, cameras }: Sources): Promise<Receiver> {
  const pathOf = (name: string) => `live/${name}`;
  const server = await startMediaMtx({
    ...{ program, segmentSeconds: SEGMENT_SECONDS, partSeconds: PART_SECONDS },
    ...(cameras && { pulled: new Map(names.map((name) => [pathOf(name), cameraUrl(cameras, name)])) }),
  });
  const playlist = (name: string) => `${server.watchUrl(pathOf(name))}index.m3u8`;
  return {
    ...{ name: 'MediaMTX', pid: server.pid, rtmpPort: server.rtmpPort, close: server.close },
    keyOf: (name) => name,
    isUp: async () => (await Promise.all(names.map((name) => fetch(playlist(name))))).every(({ ok }) => ok),
  };
}
