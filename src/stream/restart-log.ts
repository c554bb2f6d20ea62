import type { SidepipeError } from '../errors.js';
import type { StreamDiagnosis } from './diagnosis.js';

type Entry = StreamDiagnosis['restarts'][number];

/** Restarts that are remembered of one stream. */
const MOST = 20;

/** Why a stream's ffmpeg had to be begun anew, the last times. */
export class RestartLog {
  readonly #entries: Entry[] = [];

  /** `at`: milliseconds since the epoch. */
  add(
    { code, message, details }: SidepipeError,
    at: number,
    redact: (text: string) => string,
  ): Entry & { stderr: string[] } {
    const lines = Array.isArray(details['stderr']) ? details['stderr'] : [];
    const stderr = lines.map((line) => redact(String(line)));
    const entry = { at: new Date(at).toISOString(), code, message: redact(message), stderr };
    this.#entries.unshift(entry);
    this.#entries.length = Math.min(this.#entries.length, MOST);
    return entry;
  }

  /** The newest first. */
  list(): readonly Entry[] {
    return this.#entries;
  }
}
