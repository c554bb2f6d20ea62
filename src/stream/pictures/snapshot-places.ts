/** How many streams of a node may hold a full-size picture at once. */
const MOST = 4;

/** Counts the full-size pictures that a node holds, which are some megabytes each. */
export class SnapshotPlaces {
  #taken = 0;

  /** Undefined where all are taken. Call the answer to give the place back. */
  take(): (() => void) | undefined {
    if (this.#taken >= MOST) return undefined;
    this.#taken += 1;
    return () => {
      this.#taken -= 1;
    };
  }
}
