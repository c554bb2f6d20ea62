import { END_OF_SEQUENCE } from './h264-keyframe.js';
import { NutMuxer, TIME_BASE } from './nut-muxer.js';

/** A keyframe of the source, as ffmpeg handed it out. */
export interface SourceKeyframe {
  /** On the stream's own timeline, in seconds. */
  readonly ptsSeconds: number;
  /** Decodable by itself; undefined where it is not. */
  readonly data: Uint8Array | undefined;
}

export interface KeyframeAnswersOptions {
  readonly intervalSeconds: number;
  /** How far apart two pictures may be for the newest one never to be too old, in seconds. */
  readonly longestGapSeconds: number;
  /** What is added to the time of a keyframe that is fed, in seconds: more than any is before zero. */
  readonly shiftSeconds: number;
  /** Whether somebody waits for a picture out of turn. */
  readonly isWanted: () => boolean;
}

/** Marks are so far behind their keyframe, in ticks: more than what rounding to ticks takes away. */
const MARK_TICKS = 9;
const NO_BYTES = Uint8Array.of(0x20);

/**
 * What to write to the second input of an ffmpeg that decodes chosen keyframes alone. ffmpeg goes on with the output that is furthest behind, and
 * one output is fed by marks on this input. So at each keyframe of the source ffmpeg waits until it is told to go on:
 * by a mark with that keyframe's time, and where a picture is wanted with the keyframe itself before it. No clock takes part: what
 * ffmpeg waits for is what it has just handed out, whatever becomes of the source's timestamps. Pure.
 */
export class KeyframeAnswers {
  readonly #options: KeyframeAnswersOptions;
  readonly #muxer = new NutMuxer();
  #mark = 0;
  #fedTicks = 0;
  #last: number | undefined;
  #fedSeconds: number | undefined;

  constructor(options: KeyframeAnswersOptions) {
    this.#options = options;
  }

  /** What ffmpeg opens the input with: a keyframe, of an earlier run, at the time 0, which no other is given. */
  begin(keyframe: Uint8Array): Uint8Array[] {
    return [this.#muxer.header(), this.#marked(0), ...this.#fed(0, keyframe), this.#marked(this.#mark + 1)];
  }

  /** To be written at once. */
  answer({ ptsSeconds, data }: SourceKeyframe): { readonly pieces: Uint8Array[]; readonly isFed: boolean } {
    const isFed = data !== undefined && this.#isChosen(ptsSeconds);
    this.#last = ptsSeconds;
    const mark = this.#marked(Math.max(this.#mark + 1, Math.ceil(ptsSeconds * TIME_BASE) + MARK_TICKS));
    if (!isFed) return { pieces: [mark], isFed };
    this.#fedSeconds = ptsSeconds;
    const ticks = Math.round((ptsSeconds + this.#options.shiftSeconds) * TIME_BASE);
    return { pieces: [...this.#fed(Math.max(this.#fedTicks + 2, ticks), data), mark], isFed };
  }

  /** By the same rule as ffmpeg's own selection: see `pictureSelection`. */
  #isChosen(ptsSeconds: number): boolean {
    if (this.#fedSeconds === undefined || this.#options.isWanted()) return true;
    const { intervalSeconds, longestGapSeconds } = this.#options;
    const gap = ptsSeconds - this.#fedSeconds;
    const step = ptsSeconds - (this.#last ?? ptsSeconds);
    return gap < 0 || gap >= intervalSeconds - step / 2 || gap + step > longestGapSeconds;
  }

  #fed(ticks: number, keyframe: Uint8Array): Uint8Array[] {
    this.#fedTicks = ticks + 1;
    // With B-frames a decoder holds it back.
    return [this.#muxer.packet('video', ticks, keyframe), this.#muxer.packet('video', ticks + 1, END_OF_SEQUENCE)];
  }

  #marked(ticks: number): Uint8Array {
    this.#mark = ticks;
    return this.#muxer.packet('marks', ticks, NO_BYTES);
  }
}
