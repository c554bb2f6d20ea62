/** What a coded picture takes. */
export interface PictureSize {
  readonly isKey: boolean;
  /** Of the picture itself, without what fills up a constant bitrate. */
  readonly bytes: number;
}

/** Limits of the memory: GOPs, and pictures in them. Enough to recognise a looped recording of some minutes. */
const MAX_GOPS = 32;
const MAX_SIZES = 16_384;
/** So many pictures in a row have to be as large as those of an earlier GOP: that is no chance. */
const ENOUGH_PICTURES = 24;
/**
 * What a picture that is not a keyframe takes at least where something moves: of its keyframe, and in bytes. Measured on a picture that
 * libx264, libx265 and mpeg2video encode again and again: 0 to 0.9 % once it is as good as it gets; on moving ones 2 to 40 %.
 */
const MOVING_SHARE = 0.015;
const MOVING_BYTES = 96;

/** The sizes of one GOP's pictures. */
interface Gop {
  readonly keyBytes: number;
  readonly others: readonly number[];
}

/**
 * Whether the pictures between keyframes show motion. The later half decides: an encoder that has bits to spare improves a still picture
 * after each keyframe, until there is nothing left to improve. Pure.
 */
export function showsMotion({ keyBytes, others }: Gop): boolean {
  const later = others.slice(Math.floor(others.length / 2)).sort((one, other) => one - other);
  const median = later[Math.floor(later.length / 2)] ?? 0;
  return median >= Math.max(MOVING_BYTES, keyBytes * MOVING_SHARE);
}

/**
 * Finds recordings that are played again and again, by the sizes of their pictures. Where all keyframes that are decoded show the same, this
 * tells a moving clip that is shorter than its GOP from a camera that has frozen.
 *
 * Large pictures between the keyframes are not enough: an encoder with a constant bitrate spends it on a frozen picture, too, and never has
 * it as good as it wants. But then its rate control never comes to the same sizes again; and where it has come to rest, so that
 * each GOP takes what the one before took, its pictures are small. Only a recording has large ones, and each time the same. Pure: time comes
 * with the pictures.
 */
export class LoopWatch {
  /** GOPs that show motion, the oldest first. */
  #earlier: Gop[] = [];
  #keyBytes: number | undefined;
  #others: number[] = [];
  /** Earlier GOPs that begin like the current one. */
  #alike: readonly Gop[] = [];
  /** Pictures since the last one that was not as large as in an earlier GOP. */
  #repeated = 0;
  #movedAt: number | undefined;

  /** When the newest picture came of which is known that it moves; undefined where there was none. */
  get movedAt(): number | undefined {
    return this.#movedAt;
  }

  /** Takes the next pictures, in the order of decoding, which came at `now`. */
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
    // Without keyframes there is nothing that could be the same.
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
