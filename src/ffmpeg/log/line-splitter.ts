export interface LineSplitterOptions {
  /** What ends a line, of one or more characters. */
  readonly end: RegExp;
  /** So many characters of a line are kept; the rest of it is left out. */
  readonly longest: number;
}

/**
 * Cuts text that comes in pieces into lines. Only the new piece is looked at: what was held before has no end in it, and looking through it again
 * with each piece would cost the square of a long line. Pure.
 */
export class LineSplitter {
  readonly #options: LineSplitterOptions;
  readonly #decoder = new TextDecoder();
  #unfinished = '';
  #work = 0;

  constructor(options: LineSplitterOptions) {
    this.#options = options;
  }

  /** Characters that were looked at so far. */
  get work(): number {
    return this.#work;
  }

  /** The lines that end in this piece. */
  push(bytes: Uint8Array): string[] {
    const text = this.#decoder.decode(bytes, { stream: true });
    this.#work += text.length;
    const parts = text.split(this.#options.end);
    const last = parts.pop()!;
    const [first, ...others] = parts;
    if (first === undefined) {
      this.#hold(last);
      return [];
    }
    const lines = [this.#joined(first), ...others.map((line) => this.#cut(line))];
    this.#unfinished = this.#cut(last);
    return lines;
  }

  /** What is left without an end. */
  close(): string {
    const line = this.#unfinished;
    this.#unfinished = '';
    return line;
  }

  #hold(piece: string): void {
    // Appending is cheap until somebody looks at the whole, which cutting would do.
    if (this.#unfinished.length < this.#options.longest) this.#unfinished = this.#joined(piece);
  }

  #joined(piece: string): string {
    return this.#unfinished + piece.slice(0, this.#options.longest - this.#unfinished.length);
  }

  #cut(line: string): string {
    return line.slice(0, this.#options.longest);
  }
}
