import { isValveAnswer } from '../output/valve.js';
import { LineSplitter } from './line-splitter.js';
import { type LogLine, parseLogLine } from './log-line.js';

const MAX_LINES = 40;
const MAX_LINE_LENGTH = 400;
/** What is longer is cut before it is redacted, and then loses as much of its end as a secret can be long. */
const MAX_RAW_LENGTH = 8192;
const MAX_SECRET_LENGTH = 1024;
/** One line a segment and one a playlist, for hours: they would push out what matters. */
const CHATTER = /^Opening '.*' for writing|^Cannot use rename on non file protocol|^Press \[q\]|^\s*$/;

export interface LogTailOptions {
  /** Takes secrets out of a line before anything else sees it. */
  readonly redact: (text: string) => string;
  readonly onLine: (line: LogLine) => void;
}

/** Splits ffmpeg's standard error into lines and keeps the last that matter, bounded in lines and in length. Pure. */
export class LogTail {
  readonly #options: LogTailOptions;
  // One more than is used tells that there was more.
  readonly #splitter = new LineSplitter({ end: /[\r\n]+/, longest: MAX_RAW_LENGTH + 1 });
  readonly #lines: LogLine[] = [];

  constructor(options: LogTailOptions) {
    this.#options = options;
  }

  push(bytes: Uint8Array): void {
    for (const line of this.#splitter.push(bytes)) this.#add(line);
  }

  /** The last line need not end with a line feed. */
  close(): void {
    this.#add(this.#splitter.close());
  }

  lines(): readonly LogLine[] {
    return [...this.#lines];
  }

  #add(text: string): void {
    // Redacted whole and cut after: a cut through a secret would hide it from the redaction.
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
