import type { Readable } from 'node:stream';
import { TIMELINE_OFFSET_SECONDS } from '../../ffmpeg/output/hls-output.js';
import type { Cutter } from '../../hls/cut/cutter.js';
import { Fmp4Cutter } from '../../hls/cut/fmp4-cutter.js';
import { MpegTsCutter } from '../../hls/cut/mpegts-cutter.js';
import { type MediaPart, Segmenter } from '../../hls/segmenter.js';
import type { Container } from '../../hls/window.js';
import { readReused } from '../../io/reused-reads.js';

export interface MediaIntakeOptions {
  /** In the order of ffmpeg's outputs. */
  readonly renditions: readonly string[];
  readonly container: Container;
  readonly partSeconds: number;
  readonly segmentSeconds: number;
  readonly maxSegmentBytes: number;
  /** Steady time in milliseconds. */
  readonly now: () => number;
  readonly onPart: (rendition: string, part: MediaPart) => void;
  /** The output of ffmpeg cannot be parsed; nothing more of that rendition is accepted. */
  readonly onFailed: (error: unknown) => void;
}

/** Maximum duration of a segment without a keyframe. Some cameras have keyframes half a minute apart. */
const MAX_SEGMENT_SECONDS = 60;

interface RenditionReceiver {
  readonly rendition: string;
  readonly cutter: Cutter;
  readonly segmenter: Segmenter;
  /** Arrival time of the last bytes. */
  at: number | undefined;
  /** The end of the last part on the source's timeline. */
  seconds: number | undefined;
}

/** Receives the media of one run: a pipe per rendition, cut into parts. */
export class MediaIntake {
  readonly #options: MediaIntakeOptions;
  readonly #lanes: readonly RenditionReceiver[];

  constructor(options: MediaIntakeOptions) {
    const { container, partSeconds, segmentSeconds, maxSegmentBytes, renditions } = options;
    const timing = {
      partSeconds,
      segmentSeconds,
      maxSegmentSeconds: Math.max(MAX_SEGMENT_SECONDS, 2 * segmentSeconds),
    };
    this.#options = options;
    this.#lanes = renditions.map((rendition) => ({
      rendition,
      cutter: container === 'fmp4' ? new Fmp4Cutter(timing) : new MpegTsCutter(timing),
      segmenter: new Segmenter({ maxSegmentBytes }),
      at: undefined,
      seconds: undefined,
    }));
  }

  /** Arrival time of the last media, for the rendition that is furthest behind; undefined while one has none. */
  get lastAt(): number | undefined {
    const times = this.#lanes.flatMap(({ at }) => at ?? []);
    return times.length < this.#lanes.length ? undefined : Math.min(...times);
  }

  /** The end of the first rendition's newest part on the source's timeline, in seconds; undefined before the first. */
  get mediaSeconds(): number | undefined {
    return this.#lanes[0]?.seconds;
  }

  /** Reads ffmpeg's pipes continuously, because a full pipe would stall the stream. */
  read(pipes: readonly Readable[]): void {
    for (const [index, lane] of this.#lanes.entries()) {
      let isBroken = false;
      const pipe = pipes[index];
      if (pipe === undefined) continue;
      readReused(pipe, (piece) => {
        if (isBroken) return;
        lane.at = this.#options.now();
        try {
          this.#take(lane, lane.cutter.push(piece, lane.at));
        } catch (error) {
          isBroken = true;
          this.#options.onFailed(error);
        }
      });
    }
  }

  /** ffmpeg has exited: passes on the remaining media. */
  end(): void {
    for (const lane of this.#lanes) this.#take(lane, lane.cutter.end());
  }

  #take(lane: RenditionReceiver, parts: ReturnType<Cutter['push']>): void {
    const { container, now, onPart } = this.#options;
    const offsetSeconds = container === 'mpegts' ? TIMELINE_OFFSET_SECONDS : 0;
    const { rendition, segmenter } = lane;
    for (const cut of parts) {
      const startSeconds = cut.startSeconds - offsetSeconds;
      const keyframeSeconds = cut.keyframeSeconds.map((seconds) => seconds - offsetSeconds);
      lane.seconds = startSeconds + cut.durationSeconds;
      onPart(rendition, segmenter.add({ ...cut, startSeconds, keyframeSeconds }, now()));
    }
  }
}
