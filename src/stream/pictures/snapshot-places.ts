/** How many streams of a node may hold a full-size frame at the same time. */
const MOST = 4;

/** Counts the full-size frames that a node holds, which take several megabytes each. */
export class SnapshotPlaces {
  #taken = 0;

  /** Undefined if all slots are taken. The returned function releases the slot. */
  take(): (() => void) | undefined {
    if (this.#taken >= MOST) return undefined;
    this.#taken += 1;
    return () => {
      this.#taken -= 1;
    };
  }
}
