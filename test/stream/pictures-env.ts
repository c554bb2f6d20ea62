import { parseConfig } from '../../src/config/parse.js';
import type { ConfigInput } from '../../src/config/schema/schema.js';
import { Feed } from '../../src/events/feed.js';
import { StreamSeries } from '../../src/events/stream-series.js';
import { createStreamEvents, type StreamEvent } from '../../src/events/stream-events.js';
import { loadEffects } from '../../src/load/level.js';
import type { StreamEnvironment } from '../../src/stream/environment.js';
import { HlsOutput } from '../../src/stream/hls/hls-output.js';
import { ImageWatch } from '../../src/stream/pictures/image-watch.js';
import { createEpisodes } from '../../src/telemetry/episodes.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { createMetrics } from '../../src/telemetry/metrics.js';

type StreamInput = NonNullable<ConfigInput['streams']>[number];

export const start = Date.UTC(2027, 0, 1);

/** The pictures of one stream with all that hears of them, on a clock that a test sets. */
export function watchPictures(stream: Partial<StreamInput> = {}, more: Partial<StreamEnvironment> = {}) {
  /** Steady time, and how far the system's clock is ahead of it. */
  const clock = { now: start, offsetMs: 0 };
  const log: Record<string, unknown>[] = [];
  const logger = createLogger({
    level: 'info',
    secrets: [],
    destination: { write: (line: string) => void log.push(JSON.parse(line)) },
  });
  const metrics = createMetrics();
  const topic = createStreamEvents();
  const heard = topic.subscribe({ limit: 10_000 });
  const config = parseConfig({ streams: [{ name: 'cam', source: 'test', ...stream }] }).streams[0]!;
  const now = () => clock.now;
  const dateOf = (at: number) => at + clock.offsetMs;
  const noted = () => {};
  const hls = new HlsOutput({
    ...{ config, randomId: () => '00000000', now, dateOf },
    ...{ onListed: noted, onDescribed: noted, onInspectionFailed: noted },
  });
  const env = {
    ...{ config, now, dateOf, metrics, log: logger, events: topic, publisher: undefined, offlineFile: undefined },
    feed: new Feed({ run: 'test', now }),
    load: { effects: loadEffects.normal, frame: noted },
    episodes: createEpisodes({ log: logger, now }),
    ...more,
  } as unknown as StreamEnvironment;
  const watch = new ImageWatch({ env, hls, uploads: () => undefined, outlets: new StreamSeriesTopics() });
  const { images } = watch;

  /** Offers one picture as the side pipe does, at the clock's time, and waits until it is done with. */
  const offer = async (pixels: Uint8Array, width = 64, height = 36): Promise<void> => {
    const data = images.acquire(pixels.byteLength);
    data.set(pixels);
    images.offer({ data, width, height, ptsSeconds: 0 }, clock.now);
    await images.close();
  };
  const dropped = async (): Promise<Record<string, number>> => {
    const { values } = await metrics.framesDropped.get();
    return Object.fromEntries(values.map(({ labels, value }) => [String(labels.reason), value]));
  };
  const events = async (): Promise<StreamEvent[]> => {
    topic.close();
    const all: StreamEvent[] = [];
    for await (const event of heard) all.push(event);
    return all;
  };
  return { watch, images, clock, log, metrics, offer, dropped, events, config };
}

/** A frame as a camera sees it: coarse shapes and fine grain, other in every one. */
export function cameraPixels(seed: number, width = 64, height = 36): Uint8Array {
  let state = (seed * 2_654_435_761 + 1) >>> 0;
  const pixels = new Uint8Array(width * height * 3);
  for (let at = 0; at < pixels.length; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const pixel = Math.floor(at / 3);
    const shape = ((Math.floor((pixel % width) / 8) + Math.floor(pixel / width / 8)) % 2) * 120;
    pixels[at] = 40 + shape + (state >>> 24) / 8;
  }
  return pixels;
}

export function shadePixels(shade: number, width = 64, height = 36): Uint8Array {
  return new Uint8Array(width * height * 3).fill(shade);
}
