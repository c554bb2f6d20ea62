import { readFile } from 'node:fs/promises';
import type { RtmpMessage } from '../../src/ingest/rtmp/protocol/message.js';
import { createRtmpClient } from '../../test/support/rtmp-client.js';
import { pace, type RtmpClip, rtmpUnits } from './live-source.js';

/** A camera that publishes, and knows when. */
export interface LivePublisher {
  /** When it began to ask whether it may publish, by `performance.now`. */
  readonly publishedAt: number;
  /** When the first byte of the first keyframe was sent, by `performance.now`. */
  readonly keyframeSentAt: number | undefined;
  close(): void;
}

export interface LivePublisherOptions {
  readonly port: number;
  readonly key: string;
  /** The path of an FLV file, or one that was read already: many publishers can share it. */
  readonly clip: string | RtmpClip;
  /** Called just before each message of the clip that has a time is sent. */
  readonly onSend?: (message: RtmpMessage) => void;
}

/** Publishes a clip to a node, in real time. */
export async function startLivePublisher(options: LivePublisherOptions): Promise<LivePublisher> {
  const { clip, onSend } = options;
  const { heads, units } = typeof clip === 'string' ? rtmpUnits(await readFile(clip), 0) : clip;
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
  const send = (message: RtmpMessage) => {
    onSend?.(message);
    void client.send(message);
  };
  void pace(units, send, noteKeyframe, ending.signal);
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
