/** The size of a coded frame. */
export interface PictureSize {
  readonly isKey: boolean;
  /** Bytes of the frame itself, without the padding of a constant bitrate. */
  readonly bytes: number;
}

/** Memory limits: GOPs, and frames in them. Sufficient to recognise a looped recording of several minutes. */
const MAX_GOPS = 32;
const MAX_SIZES = 16_384;
/** This many consecutive frames must have the sizes of an earlier GOP, which rules out chance. */
const ENOUGH_PICTURES = 24;
/**
 * Minimum size of a non-keyframe if something moves: relative to its keyframe, and in bytes. Measured on one frame encoded repeatedly by
 * libx264, libx265 and mpeg2video: 0 to 0.9 % once its quality no longer improves; on moving video: 2 to 40 %.
 */
const MOVING_SHARE = 0.015;
const MOVING_BYTES = 96;

/** The sizes of one GOP's frames. */
interface Gop {
  readonly keyBytes: number;
  readonly others: readonly number[];
}

/**
 * Whether the frames between keyframes show motion. The second half decides, because an encoder with spare bits improves a still image
 * after each keyframe until there is nothing left to improve. Pure.
 */
export function showsMotion({ keyBytes, others }: Gop): boolean {
  const later = others.slice(Math.floor(others.length / 2)).sort((one, other) => one - other);
  const median = later[Math.floor(later.length / 2)] ?? 0;
  return median >= Math.max(MOVING_BYTES, keyBytes * MOVING_SHARE);
}

/**
 * Detects looped recordings by the sizes of their frames. If all decoded keyframes are the same, this distinguishes a moving clip that is
 * shorter than its GOP from a frozen camera.
 *
 * Large frames between the keyframes are no proof: an encoder with a constant bitrate also spends it on a frozen image. But then its
 * rate control never repeats the same sizes; and once it has settled, so that each GOP has the sizes of the one before, its frames are
 * small. Only a recording has large frames with the same sizes each time. Pure: the frames carry the time.
 */
export class LoopWatch {
  /** GOPs that show motion, oldest first. */
  #earlier: Gop[] = [];
  #keyBytes: number | undefined;
  #others: number[] = [];
  /** Earlier GOPs that start like the current one. */
  #alike: readonly Gop[] = [];
  /** Frames since the last one whose size differed from that in an earlier GOP. */
  #repeated = 0;
  #movedAt: number | undefined;

  /** When the newest frame with known motion arrived; undefined if there was none. */
  get movedAt(): number | undefined {
    return this.#movedAt;
  }

  /** Takes the next frames, in decoding order, which arrived at `now`. */
  add(pictures: readonly PictureSize[], now: number): void {
    for (const { isKey, bytes } of pictures) {
      if (isKey) this.#begin(bytes);
      else this.#next(bytes, now);
    }
  }

  #begin(keyBytes: number): void {
    this.#end();
    this.#keyBytes = keyBytes;
    this.#others = [];
    this.#alike = this.#earlier.filter((gop) => gop.keyBytes === keyBytes);
    if (this.#alike.length === 0) this.#repeated = 0;
  }

  #next(bytes: number, now: number): void {
    if (this.#keyBytes === undefined) return;
    const place = this.#others.length;
    this.#others.push(bytes);
    this.#alike = this.#alike.filter(({ others }) => others[place] === bytes);
    this.#repeated = this.#alike.length === 0 ? 0 : this.#repeated + 1;
    if (this.#repeated >= ENOUGH_PICTURES) this.#movedAt = now;
    // Without keyframes there is nothing to compare.
    if (this.#others.length >= MAX_SIZES) this.#keyBytes = undefined;
  }

  #end(): void {
    if (this.#keyBytes === undefined) return;
    const gop = { keyBytes: this.#keyBytes, others: this.#others };
    const isWhole = this.#alike.some(({ others }) => others.length === gop.others.length);
    if (!isWhole) this.#repeated = 0;
    if (isWhole || !showsMotion(gop)) return;
    this.#earlier.push(gop);
    const held = () => this.#earlier.reduce((sum, { others }) => sum + others.length, 0);
    while (this.#earlier.length > MAX_GOPS || held() > MAX_SIZES) this.#earlier.shift();
  }
}
