import type { Browser } from 'playwright-core';
import { messageOf } from '../src/errors.js';
import { launchBrowser } from '../test/support/browser.js';
import { until } from '../test/support/wait.js';
import { makeClip, NUMBERED_FRAMES } from './support/clip.js';
import { startEndlessPublisher } from './support/endless-publisher.js';
import { freePort } from './support/free-port.js';
import { currentLoad } from './support/machine.js';
import { startMediaMtx } from './support/mediamtx.js';
import { startNodeProcess } from './support/node-process.js';
import { type Answer, atMost, type QuestionOptions, type Ratio, type Row } from './support/question.js';
import { quantile } from './support/statistics.js';
import { watchPlayer } from './support/watched-player.js';

/** Ten minutes of each. */
export const isLong = true;

const RATE = 30;
const SEGMENT_SECONDS = 2;
const PART_SECONDS = 0.2;
const stream = 'camera';
const key = 'a-key-of-the-camera';

/** What is aimed for: seconds behind live, and stalls. */
interface Aims {
  readonly median: number;
  readonly p95?: number;
}

/** One server to watch. */
interface Way {
  readonly name: string;
  /** Undefined: it is only compared with. */
  readonly aims: Aims | undefined;
  start(): Promise<Served>;
}

interface Served {
  readonly rtmpPort: number;
  readonly publishKey: string;
  /** Resolves with the page to watch, once the stream plays. */
  ready(): Promise<string>;
  close(): Promise<void>;
}

const lowLatency: Aims = { median: 1.2, p95: 1.5 };
const sidepipe: readonly Way[] = [
  wayOfNode('low latency, fMP4', { container: 'fmp4' }, lowLatency),
  wayOfNode('low latency, MPEG-TS', { container: 'mpegts' }, lowLatency),
  wayOfNode('plain HLS, fMP4', { container: 'fmp4', lowLatency: false }, { median: 5 }),
];

/** How far behind live is the watch page, and does it stall? MEDIAMTX=path: beside that program's own page. */
export async function run({ quick }: QuestionOptions): Promise<Answer> {
  const seconds = quick ? 20 : 600;
  const clip = await makeClip({ picture: 'numbered', seconds: NUMBERED_FRAMES / RATE, container: 'flv' });
  const program = process.env['MEDIAMTX'];
  const ways = program === undefined ? sidepipe : [...sidepipe, wayOfMediaMtx(program)];
  const browser = await launchBrowser();
  try {
    const rows: Row[] = [];
    const ratios: Ratio[] = [];
    // One after the other: a browser without a graphics card decodes on the processor.
    for (const way of ways) {
      const measured = await measure(way, { browser, clip, seconds, settleSeconds: quick ? 5 : 15 }).catch((error) => {
        // What another program does must not cost the half hour before it.
        if (way.aims !== undefined) throw error;
        process.stderr.write(`${way.name}: ${messageOf(error)}\n`);
        return { rows: [], ratios: [] };
      });
      rows.push(...measured.rows);
      ratios.push(...measured.ratios);
    }
    return {
      question: `Seconds behind live in Chromium, by the number in each picture: a 1080p30 stream at 4.5 Mbit/s with a keyframe and a segment every ${SEGMENT_SECONDS} s and parts of ${PART_SECONDS} s, published by RTMP on loopback, ${seconds} s each`,
      ...{ rows, ratios },
    };
  } finally {
    await browser.close();
  }
}

interface MeasureOptions {
  readonly browser: Browser;
  readonly clip: string;
  readonly seconds: number;
  readonly settleSeconds: number;
}

async function measure(way: Way, { browser, clip, ...watch }: MeasureOptions) {
  const served = await way.start();
  const frames = NUMBERED_FRAMES;
  const publish = { port: served.rtmpPort, key: served.publishKey, clip, frames, rate: RATE };
  const publisher = await startEndlessPublisher(publish);
  try {
    const url = await served.ready();
    const seen = await watchPlayer(browser, { url, ...watch });
    const behind = seen.frames.map(({ number, shownAtMs }) => publisher.ageMs(number, shownAtMs) / 1000);
    const [median, p95, worst] = [quantile(behind, 0.5), quantile(behind, 0.95), Math.max(...behind)];
    const row = (name: string, value: number, unit: string): Row => ({
      ...{ name: `${way.name}: ${name}`, value, unit, better: 'less' },
    });
    const { aims } = way;
    const aim = (name: string, value: number, target: number | undefined): Ratio[] =>
      target === undefined ? [] : [atMost(`${way.name}: ${name}`, value, target)];
    return {
      rows: [
        ...[row('median', median, 's'), row('p95', p95, 's'), row('most', worst, 's')],
        ...[row('stalls', seen.stalls, ''), row('longest time without a new frame', seen.longestGapMs / 1000, 's')],
        { name: `${way.name}: jumps`, value: seen.seeks, unit: '' },
        { name: `${way.name}: load of the machine`, value: currentLoad(), unit: '' },
      ],
      ratios: [
        ...aim('median behind live, s', median, aims?.median),
        ...aim('p95 behind live, s', p95, aims?.p95),
        ...aim('stalls', seen.stalls, aims && 0),
      ],
    };
  } finally {
    publisher.close();
    await served.close();
  }
}

function wayOfNode(name: string, hls: Readonly<Record<string, unknown>>, aims: Aims): Way {
  const start = async (): Promise<Served> => {
    const rtmpPort = await freePort();
    const settings = { segmentSeconds: SEGMENT_SECONDS, partSeconds: PART_SECONDS, ...hls };
    const node = await startNodeProcess({
      config: {
        rtmp: { host: '127.0.0.1', port: rtmpPort },
        streams: [{ name: stream, source: 'push', keys: [key], hls: settings }],
      },
    });
    const isLive = async () => (await fetch(`${node.url}/live/${stream}/index.m3u8`)).ok;
    return {
      ...{ rtmpPort, publishKey: `${stream}?key=${key}` },
      async ready() {
        await until('the stream to be live', isLive);
        return `${node.url}/watch/${stream}`;
      },
      close: () => node.close(),
    };
  };
  return { name, aims, start };
}

function wayOfMediaMtx(program: string): Way {
  const start = async (): Promise<Served> => {
    const server = await startMediaMtx({ program, segmentSeconds: SEGMENT_SECONDS, partSeconds: PART_SECONDS });
    const url = server.watchUrl(`live/${stream}`);
    return {
      ...{ rtmpPort: server.rtmpPort, publishKey: stream },
      async ready() {
        await until('MediaMTX to have the stream', async () => (await fetch(`${url}index.m3u8`)).ok);
        return url;
      },
      close: () => server.close(),
    };
  };
  return { name: 'MediaMTX, low latency', aims: undefined, start };
}
