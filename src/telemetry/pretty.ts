/** An event of the log as a line for people: time, level, stream, sentence, facts; the stack of an error below. */
export function formatLine(event: Readonly<Record<string, unknown>>): string {
  const { level, time, stream, msg, err, ...facts } = event;
  const clock = String(time).slice(11, 23);
  const pairs = Object.entries(facts).map(([key, value]) => `${key}=${plain(value)}`);
  const error = isFacts(err) ? causes(err) : '';
  const line = [clock, String(level).toUpperCase().padEnd(5), stream === undefined ? '' : `[${stream}]`, msg, ...pairs];
  return visible(line.filter((part) => part !== undefined && part !== '').join(' ')) + error;
}

function plain(value: unknown): string {
  return typeof value === 'string' && !/[\s"=]/.test(value) ? value : JSON.stringify(value);
}

function causes(error: Readonly<Record<string, unknown>>): string {
  const stack = String(error['stack'] ?? error['message'])
    .split('\n')
    .map((line) => `\n    ${visible(line.trim())}`)
    .join('');
  const cause = error['cause'];
  return `${stack}${isFacts(cause) ? `\n  caused by${causes(cause)}` : ''}`;
}

/** A camera's answer or ffmpeg's output can hold control sequences that a terminal would obey. */
function visible(text: string): string {
  return text.replace(/\p{Cc}/gu, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

function isFacts(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
