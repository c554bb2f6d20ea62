export interface LineSplitterOptions {
  /** The line terminator, of one or more characters. */
  readonly end: RegExp;
  /** The maximum length of a line; the rest is dropped. */
  readonly longest: number;
}

/**
 * Splits text that arrives in pieces into lines. Scans only the new piece: the text before it contains no terminator, and scanning it
 * again with each piece would take quadratic time for a long line. Pure.
 */
export class LineSplitter {
  readonly #options: LineSplitterOptions;
  readonly #decoder = new TextDecoder();
  #unfinished = '';
  #work = 0;

  constructor(options: LineSplitterOptions) {
    this.#options = options;
  }

  /** Number of characters scanned so far. */
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

  /** Returns the unterminated rest. */
  close(): string {
    const line = this.#unfinished;
    this.#unfinished = '';
    return line;
  }

  #hold(piece: string): void {
    // Appending is cheap as long as the whole string is not read, which cutting would do.
    if (this.#unfinished.length < this.#options.longest) this.#unfinished = this.#joined(piece);
  }

  #joined(piece: string): string {
    return this.#unfinished + piece.slice(0, this.#options.longest - this.#unfinished.length);
  }

  #cut(line: string): string {
    return line.slice(0, this.#options.longest);
  }
}
