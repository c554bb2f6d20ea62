import { isValveAnswer } from '../output/valve.js';
import { LineSplitter } from './line-splitter.js';
import { type LogLine, parseLogLine } from './log-line.js';

const MAX_LINES = 40;
const MAX_LINE_LENGTH = 400;
/** Longer lines are truncated before redaction, and then lose as much of their end as a secret can be long. */
const MAX_RAW_LENGTH = 8192;
const MAX_SECRET_LENGTH = 1024;
/** One line per segment and one per playlist, for hours: they would displace the lines that matter. */
const CHATTER = /^Opening '.*' for writing|^Cannot use rename on non file protocol|^Press \[q\]|^\s*$/;

export interface LogTailOptions {
  /** Removes secrets from a line before anything else sees it. */
  readonly redact: (text: string) => string;
  readonly onLine: (line: LogLine) => void;
}

/** Splits ffmpeg's standard error into lines and keeps the last relevant ones, bounded in number and length. Pure. */
export class LogTail {
  readonly #options: LogTailOptions;
  // One character more than used shows that the line was longer.
  readonly #splitter = new LineSplitter({ end: /[\r\n]+/, longest: MAX_RAW_LENGTH + 1 });
  readonly #lines: LogLine[] = [];

  constructor(options: LogTailOptions) {
    this.#options = options;
  }

  push(bytes: Uint8Array): void {
    for (const line of this.#splitter.push(bytes)) this.#add(line);
  }

  /** Adds the last line, which need not end with a line feed. */
  close(): void {
    this.#add(this.#splitter.close());
  }

  lines(): readonly LogLine[] {
    return [...this.#lines];
  }

  #add(text: string): void {
    // Redact first, then truncate: a truncated secret would escape redaction.
    const redacted = this.#options.redact(text.slice(0, MAX_RAW_LENGTH));
    const isCut = text.length > MAX_RAW_LENGTH;
    const parsed = parseLogLine(isCut ? redacted.slice(0, -MAX_SECRET_LENGTH) : redacted);
    if (CHATTER.test(parsed.text) || isValveAnswer(parsed.text)) return;
    const line = { ...parsed, text: parsed.text.slice(0, MAX_LINE_LENGTH) };
    this.#lines.push(line);
    if (this.#lines.length > MAX_LINES) this.#lines.shift();
    this.#options.onLine(line);
  }
}
