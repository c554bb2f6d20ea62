import type { Readable, Writable } from 'node:stream';
import type { Progress } from '../ffmpeg/progress.js';
import { MAX_KEYFRAME_BYTES, standaloneKeyframe } from '../frames/h264-keyframe.js';
import { KeyframeAnswers } from '../frames/keyframe-answers.js';
import { NutDemuxer } from '../frames/nut-demuxer.js';
import type { KeyframeShelf } from './keyframe-shelf.js';

/** More is not held for an ffmpeg that does not read. */
const MAX_WAITING_BYTES = 16 * 1024 ** 2;
/** A chosen keyframe's picture comes within some 50 ms. */
const PATIENCE_MS = 5000;

export interface KeyframeIntakeOptions {
  /** The source's keyframes, from ffmpeg. */
  readonly keyframes: Readable;
  /** Where chosen ones go back to it. */
  readonly chosen: Writable;
  readonly shelf: KeyframeShelf;
  readonly intervalSeconds: number;
  readonly longestGapSeconds: number;
  /** How much later than its own a keyframe's time is told, in seconds. */
  readonly shiftSeconds: number;
  /** Whether somebody waits for a picture out of turn. */
  readonly isWanted: () => boolean;
  /** A keyframe of the source has come. */
  readonly onKeyframe: (ptsSeconds: number) => void;
  /** No pictures will come in this way any more; HLS goes on. Called once at most, with the reason in words. */
  readonly onFailed: (why: string) => void;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

interface Keyframe {
  readonly ptsSeconds: number;
  /** When it came: milliseconds since the epoch. */
  readonly at: number;
}

/** Answers each keyframe of one ffmpeg run, which waits for it, and gives it back those that pictures shall be made of. */
export class KeyframeIntake {
  readonly #options: KeyframeIntakeOptions;
  readonly #answers: KeyframeAnswers;
  readonly #demuxer: NutDemuxer;
  #parameters: Uint8Array | undefined;
  #awaitedSince: number | undefined;
  #isOver = false;
  #first: Keyframe | undefined;
  #last: Keyframe | undefined;
  #frames: number | undefined;
  #outSeconds: number | undefined;

  constructor(options: KeyframeIntakeOptions) {
    const { keyframes, intervalSeconds, longestGapSeconds, shiftSeconds, isWanted, shelf } = options;
    this.#options = options;
    this.#answers = new KeyframeAnswers({ intervalSeconds, longestGapSeconds, shiftSeconds, isWanted });
    this.#demuxer = new NutDemuxer({
      onVideo: ({ extradata }) => {
        this.#parameters = extradata;
      },
      acquire: ({ bytes }) => (bytes > MAX_KEYFRAME_BYTES ? undefined : new Uint8Array(bytes)),
      onPacket: ({ ptsSeconds }, data) => this.#keyframe(ptsSeconds - shiftSeconds, data),
    });
    keyframes.on('data', (piece: Buffer) => this.#take(piece));
    this.#write(this.#answers.begin(shelf.newest!));
  }

  /**
   * A report with how far the source is: ffmpeg tells of the output that is furthest ahead, and pictures are ahead of all. From one keyframe
   * to the next the source is taken to go on steadily, as long as it gives pictures.
   */
  report(told: Progress, now: number): Progress {
    const last = this.#last;
    if (last === undefined) return { ...told, outSeconds: undefined, speed: undefined };
    const isOn = told.frames !== this.#frames;
    this.#frames = told.frames;
    if (isOn) this.#outSeconds = last.ptsSeconds + Math.max(0, now - last.at) / 1000;
    this.#first ??= last;
    const seconds = (last.at - this.#first.at) / 1000;
    const speed = seconds > 0 ? (last.ptsSeconds - this.#first.ptsSeconds) / seconds : undefined;
    return { ...told, outSeconds: this.#outSeconds, speed };
  }

  /** A picture has come. */
  answered(): void {
    this.#awaitedSince = undefined;
    this.#options.shelf.hasAnswered = true;
  }

  #take(piece: Buffer): void {
    if (this.#isOver) return;
    try {
      this.#demuxer.push(piece);
    } catch {
      this.#fail('its keyframes cannot be read');
    }
  }

  #keyframe(ptsSeconds: number, data: Uint8Array | undefined): void {
    const { shelf, chosen, now, onKeyframe } = this.#options;
    if (this.#isOver) return;
    this.#last = { ptsSeconds, at: now() };
    const keyframe = data && standaloneKeyframe(data, this.#parameters);
    const { pieces, isFed } = this.#answers.answer({ ptsSeconds, data: keyframe });
    this.#write(pieces);
    if (keyframe !== undefined) shelf.newest = keyframe;
    if (this.#awaitedSince !== undefined && now() - this.#awaitedSince > PATIENCE_MS)
      this.#fail('no picture came of a chosen keyframe');
    else if (chosen.writableLength > MAX_WAITING_BYTES) this.#fail('chosen keyframes are not read');
    if (isFed) this.#awaitedSince ??= now();
    onKeyframe(ptsSeconds);
  }

  #write(pieces: readonly Uint8Array[]): void {
    const { chosen } = this.#options;
    if (chosen.writable) for (const piece of pieces) chosen.write(piece);
  }

  /** With its second input at an end ffmpeg waits for it no more. */
  #fail(why: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.chosen.end();
    this.#options.onFailed(why);
  }
}
