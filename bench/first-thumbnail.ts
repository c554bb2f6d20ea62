import { createNode, type SidepipeNode } from '../src/node/node.js';
import { until } from '../test/support/wait.js';
import { makeClip } from './support/clip.js';
import { type LivePublisher, startLivePublisher } from './support/live-publisher.js';
import { type LiveSource, type LiveSourceOptions, startLiveSource } from './support/live-source.js';
import { type Answer, atMost, type QuestionOptions, type Ratio, type Row } from './support/question.js';
import { median } from './support/statistics.js';

/** What is aimed for, in milliseconds from the keyframe: ffmpeg probes what it pulls, and older ones wait for reordered frames. */
const PUSHED_MS = 300;
const PULLED_MS = 600;
const PULLED_REORDERED_MS = 1500;

interface Case {
  readonly name: string;
  readonly source: LiveSourceOptions | { readonly kind: 'rtmp-push'; readonly clip: string };
  readonly repetitions: number;
  /** Milliseconds from the keyframe to the picture; undefined where no promise is made. */
  readonly targetMs?: number;
}

interface Times {
  /** From the first byte of the first keyframe until GET thumbnail.jpg gives a fresh picture. */
  readonly fromKeyframeMs: number;
  /** From the start of the node. */
  readonly fromStartMs: number;
}

/** How soon is there a first thumbnail? */
export async function run({ quick }: QuestionOptions): Promise<Answer> {
  const flv = await makeClip({ seconds: 20, container: 'flv' });
  const ts = await makeClip({ seconds: 20, container: 'ts' });
  const reordered = await makeClip({ seconds: 20, container: 'flv', bFrames: true });
  const few = quick ? 1 : 9;
  const cases: readonly Case[] = [
    {
      name: 'RTMP, joined at a keyframe',
      source: { kind: 'rtmp', clip: flv },
      repetitions: quick ? 3 : 15,
      targetMs: PULLED_MS,
    },
    {
      name: 'RTMP, joined 1 s before a keyframe',
      source: { kind: 'rtmp', clip: flv, fromMs: 1000 },
      repetitions: few,
      targetMs: PULLED_MS,
    },
    {
      name: 'MPEG-TS over HTTP, joined at a keyframe',
      source: { kind: 'http-ts', clip: ts },
      repetitions: few,
      targetMs: PULLED_MS,
    },
    {
      name: 'MPEG-TS over HTTP, joined 1 s before a keyframe',
      source: { kind: 'http-ts', clip: ts, fromMs: 1000 },
      repetitions: few,
      targetMs: PULLED_MS,
    },
    {
      name: 'RTMP with B-frames, joined at a keyframe',
      source: { kind: 'rtmp', clip: reordered },
      repetitions: 5,
      targetMs: PULLED_REORDERED_MS,
    },
    { name: 'RTMP push', source: { kind: 'rtmp-push', clip: flv }, repetitions: few, targetMs: PUSHED_MS },
    {
      name: 'RTMP push with B-frames',
      source: { kind: 'rtmp-push', clip: reordered },
      repetitions: few,
      targetMs: PUSHED_MS,
    },
  ];
  const rows: Row[] = [];
  const ratios: Ratio[] = [];
  // One of each way in.
  const asked = quick ? cases.filter(({ name }) => !name.includes('B-frames') && !name.includes('before')) : cases;
  for (const { name, source, repetitions, targetMs } of asked) {
    const times: Times[] = [];
    for (let index = 0; index < repetitions; index += 1)
      times.push(await (source.kind === 'rtmp-push' ? firstPushed(source.clip) : firstPulled(source)));
    const fromKeyframeMs = median(times.map((each) => each.fromKeyframeMs));
    rows.push(
      { name: `${name}: after the keyframe`, value: fromKeyframeMs, unit: 'ms' },
      { name: `${name}: after the node's start`, value: median(times.map((each) => each.fromStartMs)), unit: 'ms' },
    );
    if (targetMs !== undefined) ratios.push(atMost(`${name}: part of ${targetMs} ms`, fromKeyframeMs / targetMs, 1));
  }
  return { question: 'Time from a live 1080p source’s first keyframe to a fresh GET thumbnail.jpg', rows, ratios };
}

async function firstPulled(options: LiveSourceOptions): Promise<Times> {
  const source = await startLiveSource(options);
  return firstThumbnail({ source: source.url }, async () => source);
}

function firstPushed(clip: string): Promise<Times> {
  const key = 'a-key-of-the-camera';
  return firstThumbnail({ source: 'push', keys: [key] }, (node) =>
    startLivePublisher({ port: node.rtmpAddresses.rtmp!.port, key: `camera?key=${key}`, clip }),
  );
}

async function firstThumbnail(
  stream: { readonly source: string; readonly keys?: string[] },
  begin: (node: SidepipeNode) => Promise<LiveSource | LivePublisher>,
): Promise<Times> {
  const node = createNode(
    {
      log: { level: 'silent' },
      rtmp: { host: '127.0.0.1', port: 0 },
      streams: [{ name: 'camera', ...stream, thumbnail: { intervalSeconds: 2, width: 640, height: 360 } }],
    },
    { listen: false, closeDeadlineMs: 0 },
  );
  let source: LiveSource | LivePublisher | undefined;
  try {
    const startedAt = performance.now();
    await node.start();
    source = await begin(node);
    const camera = node.streams.get('camera')!;
    await until('a thumbnail', () => camera.describe().thumbnail.captured > 0, { timeoutMs: 20_000, intervalMs: 2 });
    const response = await node.fetch(new Request('http://node/live/camera/thumbnail.jpg'));
    await response.arrayBuffer();
    const at = performance.now();
    const state = response.headers.get('sidepipe-image-state');
    if (response.status !== 200 || state !== 'fresh') throw new Error(`${response.status}, ${state}`);
    return { fromKeyframeMs: at - source.keyframeSentAt!, fromStartMs: at - startedAt };
  } finally {
    await node.close();
    await source?.close();
  }
}
