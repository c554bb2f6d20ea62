import { createNode, type SidepipeNode } from '../src/node/node.js';
import { until } from '../test/support/wait.js';
import { type ClipOptions, makeClip } from './support/clip.js';
import { type LivePublisher, startLivePublisher } from './support/live-publisher.js';
import { type Answer, atMost, type QuestionOptions, type Ratio, type Row } from './support/question.js';
import { median } from './support/statistics.js';

interface Case extends Pick<ClipOptions, 'bFrames' | 'sound'> {
  readonly name: string;
  /** Whether a quick run has it too. */
  readonly isQuick?: boolean;
  readonly renditions?: readonly { readonly height: number }[];
}

interface Times {
  /** From the publisher's first byte to a multivariant and a media playlist and a segment that were fetched whole. */
  readonly playableMs: number;
  /** From the first byte of the first keyframe until GET thumbnail.jpg gives a fresh picture. */
  readonly thumbnailMs: number;
}

const KEY = 'a-key-of-the-camera';
const SEGMENT_SECONDS = 2;
/** What is promised: a segment's length and half a second, and half a second. */
const PLAYABLE_WITHIN_MS = SEGMENT_SECONDS * 1000 + 500;
const THUMBNAIL_WITHIN_MS = 500;

const cases: readonly Case[] = [
  { name: 'in order, with sound', isQuick: true },
  { name: 'in order, without sound', sound: false },
  { name: 'with B-frames and sound', bFrames: true },
  { name: 'with B-frames, without sound', bFrames: true, sound: false },
  { name: 'in order, with sound, encoded at 720 lines', renditions: [{ height: 720 }], isQuick: true },
];

/** How soon after a publisher began does a stream play, and show a picture? */
export async function run({ quick }: QuestionOptions): Promise<Answer> {
  const rows: Row[] = [];
  const ratios: Ratio[] = [];
  for (const { name, isQuick = false, renditions, ...clipOptions } of cases) {
    if (quick && !isQuick) continue;
    const clip = await makeClip({ seconds: 20, container: 'flv', ...clipOptions });
    const times: Times[] = [];
    for (let index = 0; index < (quick ? 1 : 9); index += 1) times.push(await timesOf(clip, renditions));
    const playable = times.map(({ playableMs }) => playableMs);
    const thumbnail = times.map(({ thumbnailMs }) => thumbnailMs);
    rows.push(
      { name: `${name}: playable, median`, value: median(playable), unit: 'ms' },
      { name: `${name}: playable, latest`, value: Math.max(...playable), unit: 'ms' },
      { name: `${name}: thumbnail, median`, value: median(thumbnail), unit: 'ms' },
      { name: `${name}: thumbnail, latest`, value: Math.max(...thumbnail), unit: 'ms' },
    );
    ratios.push(
      atMost(`${name}: playable, part of ${PLAYABLE_WITHIN_MS} ms`, median(playable) / PLAYABLE_WITHIN_MS, 1),
      atMost(`${name}: thumbnail, part of ${THUMBNAIL_WITHIN_MS} ms`, median(thumbnail) / THUMBNAIL_WITHIN_MS, 1),
    );
  }
  return {
    question: `Time from a publisher's connection to a playlist that plays (segments of ${SEGMENT_SECONDS} s), and from its first keyframe to a fresh thumbnail`,
    rows,
    ratios,
  };
}

async function timesOf(clip: string, renditions: Case['renditions']): Promise<Times> {
  const node = createNode(
    {
      log: { level: 'silent' },
      rtmp: { host: '127.0.0.1', port: 0 },
      streams: [
        {
          name: 'camera',
          source: 'push',
          keys: [KEY],
          hls: { segmentSeconds: SEGMENT_SECONDS },
          thumbnail: { intervalSeconds: 2, width: 640, height: 360 },
          ...(renditions && { renditions: [...renditions] }),
        },
      ],
    },
    { listen: false, closeDeadlineMs: 0 },
  );
  let publisher: LivePublisher | undefined;
  try {
    await node.start();
    const { port } = node.rtmpAddresses.rtmp!;
    publisher = await startLivePublisher({ port, key: `camera?key=${KEY}`, clip });
    const [thumbnailAt, playableAt] = await Promise.all([thumbnailOf(node), playlistOf(node)]);
    return { playableMs: playableAt - publisher.publishedAt, thumbnailMs: thumbnailAt - publisher.keyframeSentAt! };
  } finally {
    await node.close();
    publisher?.close();
  }
}

const patience = { timeoutMs: 20_000, intervalMs: 2 };

/** When there was a fresh picture, by `performance.now`. */
async function thumbnailOf(node: SidepipeNode): Promise<number> {
  const camera = node.streams.get('camera')!;
  await until('a thumbnail', () => camera.describe().thumbnail.captured > 0, patience);
  const { headers } = await get(node, '/live/camera/thumbnail.jpg');
  const at = performance.now();
  const state = headers.get('sidepipe-image-state');
  if (state !== 'fresh') throw new Error(`the thumbnail is ${state}`);
  return at;
}

/** When a player had its first segment, by `performance.now`. */
async function playlistOf(node: SidepipeNode): Promise<number> {
  const camera = node.streams.get('camera')!;
  await until('a segment', () => camera.describe().hls.segments > 0, patience);
  const multivariant = await get(node, '/live/camera/index.m3u8');
  const playlist = new URL(firstUri(multivariant.text), 'http://node/live/camera/index.m3u8');
  const media = await get(node, playlist.pathname);
  await get(node, new URL(firstUri(media.text), playlist).pathname);
  return performance.now();
}

async function get(node: SidepipeNode, path: string): Promise<{ readonly headers: Headers; readonly text: string }> {
  const answer = await node.fetch(new Request(`http://node${path}`));
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status}`);
  return { headers: answer.headers, text };
}

const firstUri = (playlist: string): string => playlist.split('\n').find((line) => line !== '' && line[0] !== '#')!;
