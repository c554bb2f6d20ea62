import { type DecodeChoice, isWorthAnotherTry } from '../frames/decode.js';

export interface DecodePlanOptions {
  /** What a stream begins with. */
  readonly first: DecodeChoice;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** What is decoded of one stream for its pictures, from one run of ffmpeg to the next. */
export class DecodePlan {
  readonly #options: DecodePlanOptions;
  #choice: DecodeChoice;
  #since: number;

  constructor(options: DecodePlanOptions) {
    this.#options = options;
    this.#choice = options.first;
    this.#since = options.now();
  }

  get choice(): DecodeChoice {
    return this.#choice;
  }

  /** From now on in this way. */
  take(choice: DecodeChoice): void {
    this.#choice = choice;
    this.#since = this.#options.now();
  }

  /** ffmpeg has to be begun anew for another reason: an occasion to see whether less would do by now. */
  lost(): void {
    if (isWorthAnotherTry((this.#options.now() - this.#since) / 1000)) this.anew();
  }

  /** Another source altogether. */
  anew(): void {
    this.take(this.#options.first);
  }
}
