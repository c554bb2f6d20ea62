import { until } from '../../test/support/wait.js';
import { NUMBERED_FRAMES } from './clip.js';
import { startLivePublisher } from './live-publisher.js';
import { createAgeReader, type Way } from './picture-age.js';
import { listedSegments, type ProcessThumbnails, startProcessThumbnails, timedSegments } from './process-thumbnails.js';
import { thumbnailByProcess } from './thumbnail-process.js';

/** A live stream whose pictures are made off the side pipe and by processes, at the same interval. */
export interface Camera {
  readonly intervalSeconds: number;
  /** The side pipe, then the others. */
  readonly ways: readonly Way[];
  /** The processes that begin as soon as a segment is listed. */
  readonly processes: ProcessThumbnails;
  /** Whether all of the clip has been sent. */
  readonly isOver: boolean;
  /**
   * From here on `processes` are given a segment that the node has deleted, in the place of each newest one. Rejects when the first
   * that they were given is still there.
   */
  loseSegments(): Promise<void>;
  close(): Promise<void>;
}

export interface CameraOptions {
  /** Path of the processes' program. */
  readonly ffmpeg: string;
  /** FLV of `numbered` pictures. */
  readonly clip: string;
  /** When each of its frames is sent, of the clip's own time. */
  readonly framesMs: readonly number[];
  /** Of a running node that has the stream. */
  readonly nodeUrl: string;
  readonly stream: string;
  /** Of its RTMP receiver. */
  readonly port: number;
  readonly key: string;
  readonly intervalSeconds: number;
  readonly segmentSeconds: number;
  readonly width: number;
  readonly height: number;
  /** Whether processes on a timer are compared too. */
  readonly hasTimer: boolean;
}

export async function startCamera(options: CameraOptions): Promise<Camera> {
  const { clip, framesMs, nodeUrl, stream, port, key, intervalSeconds, segmentSeconds, width, height } = options;
  const publisher = await startLivePublisher({ port, key: `${stream}?key=${key}`, clip });
  const beganAt = await until('the first keyframe to be sent', () => publisher.keyframeSentAt, { intervalMs: 1 });
  const sentAtMs = framesMs.map((atMs) => beganAt + atMs - framesMs[0]!);
  const frames = { sentAtMs, numbers: NUMBERED_FRAMES };
  const thumbnailOf = (segment: string) => thumbnailByProcess({ path: options.ffmpeg, segment, width, height });
  const playlist = `${nodeUrl}/live/${stream}/source/index.m3u8`;
  const wayOf = (name: string, thumbnails: ProcessThumbnails): Way => {
    const read = createAgeReader(frames);
    return { name, ageMs: async () => thumbnails.newest && read(thumbnails.newest, performance.now()) };
  };
  let oldest: string | undefined;
  let isLost = false;
  // As far apart as the interval lets them be, as the side pipe takes keyframes.
  const step = Math.max(1, Math.floor(intervalSeconds / segmentSeconds));
  const processes = startProcessThumbnails(
    (signal) => listedSegments(playlist, step, signal),
    (segment) => {
      oldest ??= segment;
      return thumbnailOf(isLost ? oldest : segment);
    },
  );
  const timed = options.hasTimer
    ? startProcessThumbnails(
        (signal) => timedSegments(playlist, { intervalSeconds, segmentSeconds }, signal),
        thumbnailOf,
      )
    : undefined;
  return {
    intervalSeconds,
    ways: [
      { name: 'side pipe', ageMs: servedAge(`${nodeUrl}/live/${stream}/thumbnail.jpg`, createAgeReader(frames)) },
      wayOf('process at a listing', processes),
      ...(timed === undefined ? [] : [wayOf('process on a timer, as in Owncast', timed)]),
    ],
    processes,
    get isOver() {
      return performance.now() > sentAtMs.at(-1)!;
    },
    async loseSegments() {
      const { ok } = await fetch(oldest!, { method: 'HEAD' });
      if (ok) throw new Error(`${oldest} is not deleted yet`);
      isLost = true;
    },
    async close() {
      publisher.close();
      await Promise.all([processes.close(), timed?.close()]);
    },
  };
}

/** Of the picture that the node serves; undefined until there is one. It has aged until its last byte has come. */
function servedAge(url: string, read: ReturnType<typeof createAgeReader>): Way['ageMs'] {
  return async () => {
    const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    const picture = new Uint8Array(await answer.arrayBuffer());
    const seenAt = performance.now();
    return answer.headers.get('sidepipe-image-state') === 'offline' ? undefined : read(picture, seenAt);
  };
}
