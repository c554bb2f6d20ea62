/** One rendition of a stream, as media-chrome's quality menu reads it. */
export interface PlayerRendition {
  readonly id: string;
  readonly width: number;
  readonly height: number;
  /** Bits per second. */
  readonly bitrate: number;
}

/**
 * Implements `videoRenditions` of a media element for media-chrome: an indexable list that emits changes, and
 * whose `selectedIndex` is -1 while the player chooses automatically. Empty if there is nothing to choose.
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

  /** Replaces the list. The selection stays if the new list has a rendition of the same height. */
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
