/** One way in which a stream can be played, as media-chrome's quality menu reads it. */
export interface PlayerRendition {
  readonly id: string;
  readonly width: number;
  readonly height: number;
  /** Bits a second. */
  readonly bitrate: number;
}

/**
 * What media-chrome looks for as `videoRenditions` of a media element: a list that can be indexed, tells of changes, and
 * whose `selectedIndex` is -1 while the player chooses by itself. Empty where there is nothing to choose.
 */
export class PlayerRenditions extends EventTarget {
  [index: number]: PlayerRendition;
  length = 0;
  #selectedIndex = -1;
  readonly #onSelected: (index: number) => void;

  constructor(onSelected: (index: number) => void) {
    super();
    this.#onSelected = onSelected;
  }

  [Symbol.iterator](): Iterator<PlayerRendition> {
    return Array.prototype.values.call(this) as Iterator<PlayerRendition>;
  }

  get selectedIndex(): number {
    return this.#selectedIndex;
  }

  set selectedIndex(index: number) {
    if (index === this.#selectedIndex) return;
    this.#selectedIndex = index;
    this.#onSelected(index);
    this.dispatchEvent(new Event('change'));
  }

  /** Takes a new list. What was selected stays so where a rendition of the same height is in it. */
  replace(list: readonly PlayerRendition[]): void {
    const height = this[this.#selectedIndex]?.height;
    for (let index = 0; index < this.length; index++) delete this[index];
    Object.assign(this, list);
    this.length = list.length;
    this.#selectedIndex = height === undefined ? -1 : list.findIndex((rendition) => rendition.height === height);
    if (this.#selectedIndex >= 0) this.#onSelected(this.#selectedIndex);
    this.dispatchEvent(new Event('addrendition'));
    this.dispatchEvent(new Event('change'));
  }
}
