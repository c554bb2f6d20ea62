import { pino } from 'pino';
import { createRedactor } from '../config/redact.js';
import type { Config } from '../config/schema/schema.js';
import { formatLine } from './pretty.js';

interface LogMethod {
  /** One event: its facts, and a sentence for people. An error goes under `err`, with its causes and stack. */
  (facts: Readonly<Record<string, unknown>>, message: string): void;
  (message: string): void;
}

/** What the project's parts log with. One line an event. */
export interface Logger {
  readonly trace: LogMethod;
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
  /** A logger that adds these facts to each line: `child({ stream: 'front-door' })`. */
  child(facts: Readonly<Record<string, unknown>>): Logger;
}

export interface LoggerOptions {
  readonly level: Config['log']['level'];
  /** From `collectSecrets`. Texts are searched for them, and for passwords in any URL. */
  readonly secrets?: readonly string[];
  /** Takes secrets out of a text, in the place of `secrets`. */
  readonly redact?: (text: string) => string;
  /** Lines for people instead of JSON. */
  readonly pretty?: boolean;
  /** Without one, nothing is logged. */
  readonly destination?: LogDestination;
}

/** What takes the log's lines. `write` must neither block nor throw. */
export interface LogDestination {
  write(line: string): void;
  /** Calls the listener with the number of lines that were dropped, whenever some are. Returns the function that ends this. */
  onDropped?(listener: (dropped: number) => void): () => void;
}

/** A logger of the embedding program, such as one of pino's. Secrets are masked in the facts and in the message. */
export interface NodeLogger {
  debug(facts: LogFacts, message: string): void;
  info(facts: LogFacts, message: string): void;
  warn(facts: LogFacts, message: string): void;
  error(facts: LogFacts, message: string): void;
}

/** The facts of one event as plain JSON values, `stream` and `err` among them. An error has `name`, `message`, `stack` and `cause`. */
export type LogFacts = Readonly<Record<string, unknown>>;

/** Hands each event to a logger of the embedding program. Its own failures are ignored: logging must stop nothing. */
export function loggerDestination(logger: NodeLogger): LogDestination {
  return {
    write(line) {
      const { level, time, msg, ...facts } = JSON.parse(line) as LogEvent;
      const method = level === 'info' || level === 'warn' || level === 'error' ? level : 'debug';
      try {
        logger[method](facts, String(msg ?? ''));
      } catch {
        // The event is lost.
      }
    },
  };
}

/** The node's logger: JSON lines on pino. Each text of each line has passed the redaction. */
export function createLogger(options: LoggerOptions): Logger {
  const { secrets = [], pretty = false, destination } = options;
  const level = destination === undefined ? 'silent' : options.level;
  const redact = options.redact ?? createRedactor(secrets);
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError, error: describeError, cause: describeError },
      hooks: {
        // The finished line is the one place that every text passes: facts, messages, stacks, bindings of children.
        streamWrite: (line) => {
          const event = redactEvent(JSON.parse(line) as LogEvent, redact);
          return `${pretty ? formatLine(event) : JSON.stringify(event)}\n`;
        },
      },
    },
    destination ?? { write: () => {} },
  );
}

/** The log line in the place of lines that were dropped. */
export function droppedLine(dropped: number, pretty: boolean): string {
  const event = { level: 'warn', time: new Date().toISOString(), dropped, msg: 'log lines dropped' };
  return `${pretty ? formatLine(event) : JSON.stringify(event)}\n`;
}

/** A line of the log before it is text. */
type LogEvent = Readonly<Record<string, unknown>>;

/** These come from the node itself and are no secrets, even where a password happens to be the same word. */
const plainFacts: ReadonlySet<string> = new Set(['level', 'time', 'stream']);

/** The logger's own names. */
const plainNames: ReadonlySet<string> = new Set([...plainFacts, 'msg', 'err']);

function redactEvent(event: LogEvent, redact: (text: string) => string): LogEvent {
  return Object.fromEntries(
    Object.entries(event).map(([key, value]) => [
      plainNames.has(key) ? key : redact(key),
      plainFacts.has(key) ? value : redactDeep(value, redact),
    ]),
  );
}

function redactDeep(value: unknown, redact: (text: string) => string): unknown {
  if (typeof value === 'string') return redact(value);
  if (Array.isArray(value)) return value.map((item) => redactDeep(item, redact));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [redact(key), redactDeep(item, redact)]));
}

/** An error as plain facts, its causes within. */
function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return error;
  const { name, message, stack, cause, ...facts } = error;
  return {
    ...facts,
    name,
    message,
    stack,
    ...(cause === undefined || depth > 8 ? {} : { cause: describeError(cause, depth + 1) }),
    ...(error instanceof AggregateError ? { errors: error.errors.map((item) => describeError(item, depth + 1)) } : {}),
  };
}
