import type { SidepipeError } from '../errors.js';
import type { StreamDiagnosis } from './diagnosis.js';
import type { StreamEnvironment } from './environment.js';
import { failuresAfter, restartDelayMs } from './restart-policy.js';

/** One run that was lost. Its texts hold no secret. */
type Setback = StreamDiagnosis['restarts'][number];

/** Setbacks that are remembered of one stream. */
const MOST = 20;

/** How often, and why, one stream's ffmpeg had to be begun anew. */
export class Setbacks {
  readonly #env: Pick<StreamEnvironment, 'restart' | 'now' | 'random' | 'redact'>;
  readonly #newest: Setback[] = [];
  #reason: SidepipeError | undefined;
  #count = 0;
  #inARow = 0;

  constructor(env: Pick<StreamEnvironment, 'restart' | 'now' | 'random' | 'redact'>) {
    this.#env = env;
  }

  /** Why the newest run was lost; undefined once another has given media. */
  get reason(): SidepipeError | undefined {
    return this.#reason;
  }

  /** All that there were. */
  get count(): number {
    return this.#count;
  }

  get inARow(): number {
    return this.#inARow;
  }

  /** Too many in a row for a passing fault. */
  get isExhausted(): boolean {
    return this.#inARow >= this.#env.restart.exhaustedAfter;
  }

  /** How long to wait before the next run; another each time. */
  get delayMs(): number {
    const { restart, random } = this.#env;
    return restartDelayMs(restart, this.#inARow, random());
  }

  /** The newest first. */
  list(): readonly Setback[] {
    return this.#newest;
  }

  /** A run was lost. `mediaSince`: when it began to give media, in milliseconds since the epoch; undefined where it gave none. */
  add(error: SidepipeError, mediaSince: number | undefined): Setback & { readonly stderr: string[] } {
    const { restart, now, redact } = this.#env;
    const at = now();
    this.#inARow = failuresAfter(restart, this.#inARow, at - (mediaSince ?? at));
    this.#count += 1;
    this.#reason = error;
    const { code, message, details } = error;
    const lines = Array.isArray(details['stderr']) ? details['stderr'] : [];
    const stderr = lines.map((line) => redact(String(line)));
    const setback = { at: new Date(at).toISOString(), code, message: redact(message), stderr };
    this.#newest.unshift(setback);
    this.#newest.length = Math.min(this.#newest.length, MOST);
    return setback;
  }

  /** A run gives media. */
  overcome(): void {
    this.#reason = undefined;
  }

  /** An operator wants another try: those in a row count no more. */
  forgive(): void {
    this.#inARow = 0;
  }
}
