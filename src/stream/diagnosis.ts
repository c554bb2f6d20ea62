/** What went wrong with a stream's ffmpeg, for its operators. Texts hold no secret. */
export interface StreamDiagnosis {
  /** The last lines of the log of the newest ffmpeg. */
  readonly stderr: readonly string[];
  /** The newest first, a bounded number. */
  readonly restarts: readonly {
    readonly at: string;
    readonly code: string;
    readonly message: string;
    readonly stderr: readonly string[];
  }[];
}
