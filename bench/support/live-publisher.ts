import { readFile } from 'node:fs/promises';
import { createRtmpClient } from '../../test/support/rtmp-client.js';
import { pace, rtmpUnits } from './live-source.js';

/** A camera that publishes, and knows when. */
export interface LivePublisher {
  /** When it began to ask whether it may publish, by `performance.now`. */
  readonly publishedAt: number;
  /** When the first byte of the first keyframe was sent, by `performance.now`. */
  readonly keyframeSentAt: number | undefined;
  close(): void;
}

/** Publishes an FLV file to a node, in real time. */
export async function startLivePublisher(options: {
  readonly port: number;
  readonly key: string;
  readonly clip: string;
}): Promise<LivePublisher> {
  const { heads, units } = rtmpUnits(await readFile(options.clip), 0);
  const ending = new AbortController();
  const publishedAt = performance.now();
  const client = await createRtmpClient({ port: options.port });
  const code = await client.publish(options.key);
  if (code !== 'NetStream.Publish.Start') throw new Error(`publishing: ${code}`);
  for (const head of heads) await client.send(head);
  let keyframeSentAt: number | undefined;
  const noteKeyframe = () => {
    keyframeSentAt ??= performance.now();
  };
  void pace(units, (message) => void client.send(message), noteKeyframe, ending.signal);
  return {
    publishedAt,
    get keyframeSentAt() {
      return keyframeSentAt;
    },
    close() {
      ending.abort();
      client.close();
    },
  };
}
