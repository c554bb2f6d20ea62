import { parseConfig } from '../../src/config/parse.js';
import type { ConfigInput } from '../../src/config/schema/schema.js';
import { type ConditionChange, conditionChangeOf } from '../../src/events/condition-changes.js';
import { NodeEvents, StreamEvents } from '../../src/events/stream-events.js';
import { loadEffects } from '../../src/load/level.js';
import { DecoderErrors } from '../../src/stream/pictures/decoder-errors.js';
import { StreamImages, type StreamImagesOptions } from '../../src/stream/pictures/stream-images.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { createStreamLog } from '../../src/telemetry/stream-log.js';
import { countStreamEvents } from '../../src/telemetry/stream-metrics.js';

type StreamInput = NonNullable<ConfigInput['streams']>[number];

export const start = Date.UTC(2027, 0, 1);

/** The pictures of one stream with all that hears of them, on a clock that a test sets. */
export function watchPictures(stream: Partial<StreamInput> = {}, more: Partial<StreamImagesOptions> = {}) {
  /** Steady time, and how far the system's clock is ahead of it. */
  const clock = { now: start, offsetMs: 0 };
  const log: Record<string, unknown>[] = [];
  const logger = createLogger({
    level: 'info',
    secrets: [],
    destination: { write: (line: string) => void log.push(JSON.parse(line)) },
  });
  const metrics = createMetrics();
  const config = parseConfig({ streams: [{ name: 'cam', source: 'test', ...stream }] }).streams[0]!;
  const now = () => clock.now;
  const dateOf = (at: number) => at + clock.offsetMs;
  const changes: ConditionChange[] = [];
  const events = new StreamEvents(new NodeEvents(() => dateOf(now())), 'cam');
  events.subscribe(countStreamEvents(metrics));
  events.subscribe(createStreamLog({ log: logger, now }));
  events.subscribe((event) => {
    const change = conditionChangeOf(event);
    if (change !== undefined) changes.push(change);
  });
  const images = new StreamImages({
    ...{ config, events, now, dateOf, uploads: undefined, offlineFile: undefined, hls: { timeline: () => [] } },
    load: { effects: loadEffects.normal },
    ...more,
  });
  const decoder = new DecoderErrors({ events, now });
  /** What a stream does once per second. */
  const tick = () => {
    images.tick();
    decoder.tick();
  };

  /** Offers one picture as the side pipe does, at the clock's time, and waits until it is done with. */
  const offer = async (pixels: Uint8Array, width = 64, height = 36): Promise<void> => {
    const data = images.frames.acquire(pixels.byteLength);
    data.set(pixels);
    images.frames.offer({ data, width, height, ptsSeconds: 0 }, clock.now);
    await images.close();
  };
  const dropped = async (): Promise<Record<string, number>> => {
    const { values } = await metrics.framesDropped.get();
    return Object.fromEntries(values.map(({ labels, value }) => [String(labels.reason), value]));
  };
  return { images, decoder, tick, clock, log, metrics, offer, dropped, changes, config, events };
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
