type LogLevel = 'fatal' | 'error' | 'warning' | 'info' | 'debug';

/** One line of ffmpeg's standard error, written with `-loglevel level+…`. */
export interface LogLine {
  readonly level: LogLevel;
  /** The component that logged the line, such as `hls` or `rtsp`; the inner one of two; empty for ffmpeg itself. */
  readonly module: string;
  readonly text: string;
}

const levels: Readonly<Record<string, LogLevel>> = {
  panic: 'fatal',
  fatal: 'fatal',
  error: 'error',
  warning: 'warning',
  info: 'info',
  verbose: 'debug',
  debug: 'debug',
  trace: 'debug',
};

/** Parses one line. Lines without a level (banners, the start-up of wrappers) count as info. Pure. */
export function parseLogLine(line: string): LogLine {
  // Newer versions name two components, the outer one first.
  const [, module, level, text] = /^(?:\[([^\]]*) @ (?:0x)?[0-9a-f]+\] )*\[(\w+)\] ?(.*)$/s.exec(line) ?? [];
  if (text === undefined) return parseSrtLine(line) ?? { level: 'info', module: '', text: line };
  const known = level === undefined ? undefined : levels[level];
  return known === undefined
    ? { level: 'info', module: '', text: line }
    : { level: known, module: module ?? '', text: text! };
}

/** libsrt writes lines in its own format: time, thread, `!W` or `*E`, area, text. */
function parseSrtLine(line: string): LogLine | undefined {
  const [, level, text] = /^\d\d:\d\d:\d\d\.\d+\/SRT:[^ *!]*[*!]([WE]):[\w.]+: (.*)$/s.exec(line) ?? [];
  return text === undefined ? undefined : { level: level === 'E' ? 'error' : 'warning', module: 'srt', text };
}
