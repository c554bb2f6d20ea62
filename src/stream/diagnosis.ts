/** What went wrong with a stream's ffmpeg, for operators. Texts contain no secret. */
export interface StreamDiagnosis {
  /** The last log lines of the newest ffmpeg. */
  readonly stderr: readonly string[];
  /** Newest first, limited in number. */
  readonly restarts: readonly {
    readonly at: string;
    readonly code: string;
    readonly message: string;
    readonly stderr: readonly string[];
  }[];
}
