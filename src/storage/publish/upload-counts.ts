import type { SidepipeError } from '../../errors.js';

/** What became of one stream's uploads. */
export class UploadCounts {
  #uploaded = 0;
  #failed = 0;
  #lastError: SidepipeError | undefined;

  get uploaded(): number {
    return this.#uploaded;
  }

  get failed(): number {
    return this.#failed;
  }

  /** What is wrong at the moment. That another node writes the stream stays so, whatever is uploaded, until it is over. */
  get lastError(): SidepipeError | undefined {
    return this.#lastError;
  }

  /** An upload is over: for good, or given up. */
  count(error: SidepipeError | undefined): void {
    if (error === undefined) {
      this.#uploaded += 1;
      if (!this.#isConflict) this.#lastError = undefined;
    } else {
      this.#failed += 1;
      this.#lastError = error;
    }
  }

  /** Something other than an upload went wrong. */
  note(error: SidepipeError): void {
    this.#lastError = error;
  }

  /** No other node writes the stream any more. Answers whether one did. */
  conflictOver(): boolean {
    if (!this.#isConflict) return false;
    this.#lastError = undefined;
    return true;
  }

  get #isConflict(): boolean {
    return this.#lastError?.code === 'storage-conflict';
  }
}
