/** The newest keyframe of a stream's source that can be decoded by itself, over all its ffmpeg runs. */
export class KeyframeShelf {
  newest: Uint8Array | undefined;
  /** Whether a run that decodes chosen keyframes has given a picture of one. */
  hasAnswered = false;

  clear(): void {
    this.newest = undefined;
    this.hasAnswered = false;
  }
}
