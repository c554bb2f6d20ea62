/** The newest keyframe of a stream's source that can be decoded by itself, over all its ffmpeg runs. */
export class KeyframeShelf {
  newest: Uint8Array | undefined;
  /** Whether ffmpeg has opened the source in the newest run. */
  hasOpened = false;
  /** Whether the newest run has given a picture of a chosen keyframe. */
  hasAnswered = false;

  /** A run begins. */
  begin(): void {
    this.hasOpened = false;
    this.hasAnswered = false;
  }

  /** Another source altogether. */
  clear(): void {
    this.newest = undefined;
    this.begin();
  }
}
