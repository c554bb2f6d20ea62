import type { SidepipeError } from '../../errors.js';
import type { Source, UnknownSource } from '../../ingest/source.js';
import type { StreamDiagnosis } from '../diagnosis.js';
import type { StreamSystem } from '../system.js';
import { delayAfter, failuresAfter, type RestartPolicy } from './restart-policy.js';

/** One failed run. Its texts contain no secret. */
type Setback = StreamDiagnosis['restarts'][number];

/** Maximum number of remembered failures per stream. */
const MOST = 20;

export interface RestartHistoryOptions {
  readonly restart: RestartPolicy;
  readonly source: Source | UnknownSource;
  readonly system: Pick<StreamSystem, 'now' | 'dateOf' | 'random'>;
  readonly redact: (text: string) => string;
}

/** How often, and why, one stream's ffmpeg had to be restarted. */
export class RestartHistory {
  readonly #options: RestartHistoryOptions;
  readonly #newest: Setback[] = [];
  #reason: SidepipeError | undefined;
  #count = 0;
  #inARow = 0;
  /** How often the source has denied access since it last sent media. */
  #denials = 0;
  #delayMs = 0;
  #nextAttemptAt: number | undefined;
  #isHeldBack = false;

  constructor(options: RestartHistoryOptions) {
    this.#options = options;
  }

  /** Why the newest run failed; undefined once another has sent media. */
  get reason(): SidepipeError | undefined {
    return this.#reason;
  }

  /** The total number of failures. */
  get count(): number {
    return this.#count;
  }

  get inARow(): number {
    return this.#inARow;
  }

  /** Too many failures in a row for a temporary fault. */
  get isExhausted(): boolean {
    return this.#inARow >= this.#options.restart.exhaustedAfter;
  }

  /** The delay before the next run. */
  get delayMs(): number {
    return this.#delayMs;
  }

  /** When the next run starts, in steady time; undefined during a run. */
  get nextAttemptAt(): number | undefined {
    return this.#nextAttemptAt;
  }

  /** Whether the next run is delayed longer than usual, until somebody changes something: the credentials, or the file. */
  get isHeldBack(): boolean {
    return this.#nextAttemptAt !== undefined && this.#isHeldBack;
  }

  /** Newest first. */
  list(): readonly Setback[] {
    return this.#newest;
  }

  /** A run failed. `mediaSince`: when its media started, in steady time; undefined if it had none. */
  add(error: SidepipeError, mediaSince: number | undefined): Setback & { readonly stderr: string[] } {
    const { restart, source, redact } = this.#options;
    const { now, dateOf, random } = this.#options.system;
    const at = now();
    this.#inARow = failuresAfter(restart, this.#inARow, at - (mediaSince ?? at));
    this.#count += 1;
    this.#reason = error;
    const isDenial = error.details['denied'] === true;
    // Another failure in between says nothing about the password, and does not unlock the account.
    this.#denials = (mediaSince === undefined ? this.#denials : 0) + (isDenial ? 1 : 0);
    const { code, message, details } = error;
    const failure = { code, isDenial, isFile: source.kind === 'file', inARow: this.#inARow, denials: this.#denials };
    const { delayMs, isHeldBack } = delayAfter(restart, failure, random());
    this.#delayMs = delayMs;
    this.#nextAttemptAt = at + delayMs;
    this.#isHeldBack = isHeldBack;
    const lines = Array.isArray(details['stderr']) ? details['stderr'] : [];
    const stderr = lines.map((line) => redact(String(line)));
    const setback = { at: new Date(dateOf(at)).toISOString(), code, message: redact(message), stderr };
    this.#newest.unshift(setback);
    this.#newest.length = Math.min(this.#newest.length, MOST);
    return setback;
  }

  /** The next run starts. */
  attempt(): void {
    this.#nextAttemptAt = undefined;
  }

  /** A run produces media. */
  overcome(): void {
    this.#reason = undefined;
    this.#nextAttemptAt = undefined;
    this.#denials = 0;
  }

  /** An operator requests another attempt: failures in a row no longer count. */
  forgive(): void {
    this.#inARow = 0;
    this.#denials = 0;
  }
}
