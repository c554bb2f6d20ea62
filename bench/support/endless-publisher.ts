import { readFile } from 'node:fs/promises';
import type { RtmpMessage } from '../../src/ingest/rtmp/protocol/message.js';
import { createRtmpClient } from '../../test/support/rtmp-client.js';
import { until } from '../../test/support/wait.js';
import { pace, rtmpUnits, type Unit } from './live-source.js';

/** A camera that publishes a clip again and again, and knows when it sent each of the clip's frames. */
export interface EndlessPublisher {
  /**
   * How long ago a frame was due that is seen at `seenAtMs` (milliseconds since the epoch): the last one of this number. Milliseconds.
   */
  ageMs(number: number, seenAtMs: number): number;
  close(): void;
}

export interface EndlessPublisherOptions {
  readonly port: number;
  /** A publishing URL behind `/live/`. */
  readonly key: string;
  /** FLV whose frames carry the numbers from 0 on. */
  readonly clip: string;
  /** How many frames the clip has, and how many a second. */
  readonly frames: number;
  readonly rate: number;
}

/** Resolves once the first frame is sent. */
export async function startEndlessPublisher(options: EndlessPublisherOptions): Promise<EndlessPublisher> {
  const { port, key, clip, frames, rate } = options;
  const { heads, units } = rtmpUnits(await readFile(clip), 0);
  const roundMs = (frames / rate) * 1000;
  const ending = new AbortController();
  const client = await createRtmpClient({ port });
  const code = await client.publish(key, { tcUrl: `rtmp://127.0.0.1:${port}/live` });
  if (code !== 'NetStream.Publish.Start') throw new Error(`publishing: ${code}`);
  for (const head of heads) await client.send(head);
  let startedAt: number | undefined;
  const note = () => {
    startedAt ??= Date.now();
  };
  void pace(again(units, roundMs), (message) => void client.send(message), note, ending.signal);
  const firstFrameAt = await until('the first frame to be sent', () => startedAt, { intervalMs: 1 });
  return {
    ageMs(number, seenAtMs) {
      const sinceFirst = seenAtMs - firstFrameAt - (number / rate) * 1000;
      return sinceFirst - Math.floor(sinceFirst / roundMs) * roundMs;
    },
    close() {
      ending.abort();
      client.close();
    },
  };
}

function* again(units: readonly Unit<RtmpMessage>[], roundMs: number): Generator<Unit<RtmpMessage>> {
  for (let offset = 0; ; offset += roundMs) {
    for (const { atMs, isKeyframe, data } of units) {
      if (atMs < roundMs)
        yield { atMs: atMs + offset, isKeyframe, data: { ...data, timestamp: data.timestamp + offset } };
    }
  }
}
