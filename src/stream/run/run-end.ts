import type { StreamConfig } from '../../config/schema/schema.js';
import { messageOf, SidepipeError } from '../../errors.js';
import type { ChildExit } from '../../ffmpeg/child.js';
import { type Diagnosis, diagnose, OTHER_FFMPEG } from '../../ffmpeg/log/diagnosis.js';
import type { LogLine } from '../../ffmpeg/log/log-line.js';
import type { LogTail } from '../../ffmpeg/log/log-tail.js';
import type { SourceFacts } from '../../ffmpeg/log/source-facts.js';
import type { DecodeChoice } from '../../frames/decode.js';
import type { Source, UnknownSource } from '../../ingest/source.js';
import type { SourceCodecs, SourceNeeds } from '../outputs/source-needs.js';

/**
 * `silent`: the source's audio did not come, or stopped. `heard`: it came after that. `appeared`: it came without having been announced
 * when the source was opened.
 */
export type AudioChange = 'silent' | 'heard' | 'appeared';

/** Why a run is over. */
export type RunEnd =
  /** The source came to its end. */
  | { readonly kind: 'ended' }
  /** `stop` was called. */
  | { readonly kind: 'stopped' }
  /** One part of the source is over: begin with the next at once. */
  | { readonly kind: 'continued' }
  /** Nothing is listed yet, and more has to be decoded for thumbnails: start again at once. */
  | { readonly kind: 'replanned'; readonly decode: DecodeChoice }
  /** The source needs another plan, frames have another size, or the operator or a timestamp's range asks for it: start again at once. */
  | {
      readonly kind: 'replanned';
      readonly needs: SourceNeeds;
      readonly codecs: SourceCodecs | undefined;
      readonly audio?: AudioChange;
    }
  | { readonly kind: 'replanned'; readonly resized: true }
  | { readonly kind: 'replanned'; readonly reconfigured: true }
  /** The source's timestamps jumped, and ffmpeg cannot follow: start again at once. */
  | { readonly kind: 'replanned'; readonly jumped: true }
  | { readonly kind: 'replanned'; readonly restarted: true }
  | { readonly kind: 'failed'; readonly error: SidepipeError };

export interface OwnEnd {
  readonly exit: ChildExit;
  readonly config: StreamConfig;
  readonly source: Source | UnknownSource;
  readonly tail: Pick<LogTail, 'lines'>;
  /** The source announced audio of which nothing came. */
  readonly isAudioMissing?: boolean;
  /** What the source is made of, as far as ffmpeg told. */
  readonly facts?: SourceFacts | undefined;
}

/** What it means that ffmpeg ended without being told to. */
export function endOfItself({ isAudioMissing = false, ...end }: OwnEnd): RunEnd {
  const { exit, config, source, tail, facts } = isAudioMissing ? withoutMissingAudio(end) : end;
  if (exit.code === 0 && source.kind === 'file' && !config.loop) return { kind: 'ended' };
  if (exit.code === 0 && source.kind === 'directory') return { kind: 'continued' };
  const how = exit.signal === null ? `with code ${exit.code}` : `by ${exit.signal}`;
  const unknown = exit.code === 0 ? 'the source ended' : `ffmpeg ended ${how}`;
  const fallback = { message: unknown, code: 'ffmpeg-failed', fault: exit.code === 0 ? 'source' : 'node' } as const;
  const diagnosis = ofProcess(exit, tail) ?? diagnose(tail.lines()) ?? fallback;
  const { message: found, denied, ...options } = { denied: undefined, ...diagnosis };
  const isSoundAlone = options.code === 'source-without-video' && facts?.audio !== undefined;
  const message = isSoundAlone ? `${found}, only audio (${facts.audio.codec}): choose a source with video` : found;
  const stderr = tail.lines().slice(-5).map(lineText);
  return {
    kind: 'failed',
    error: new SidepipeError(message, {
      ...options,
      retryable: true,
      details: { exitCode: exit.code, signal: exit.signal, stderr, ...(denied && { denied }) },
    }),
  };
}

/** What ffmpeg says at its input's end where it was to decode audio that never came, and then fails for. */
const MISSING_AUDIO =
  /^Cannot determine format of input stream \d+:\d+ after EOF|^Error marking filters as finished|^Neither number of channels nor channel layout specified|^Error initializing filters!|^(?:Task finished with error|Terminating thread with return) code:? -22 |^Could not open encoder before EOF|^Nothing was written into output file, because at least one of its streams received no packets/;

/** The same end as if the audio had not been announced. */
function withoutMissingAudio({ exit, tail, ...end }: Omit<OwnEnd, 'isAudioMissing'>): Omit<OwnEnd, 'isAudioMissing'> {
  const lines = tail.lines().filter(({ text }) => !MISSING_AUDIO.test(text));
  const isEnd =
    lines.length < tail.lines().length && !lines.some(({ level }) => level === 'error' || level === 'fatal');
  return { ...end, exit: isEnd ? { code: 0, signal: null } : exit, tail: { lines: () => lines } };
}

/** By these a program ends that has a fault, or was built for another processor. */
const CRASHES: readonly (NodeJS.Signals | null)[] = ['SIGSEGV', 'SIGILL', 'SIGBUS', 'SIGABRT', 'SIGFPE', 'SIGSYS'];
/** What shells, env and setpriv end with where they cannot execute the program. */
const NOT_EXECUTED: readonly (number | null)[] = [126, 127];

/** What the way in which a process ended says by itself, whatever it logged before. */
function ofProcess({ code, signal }: ChildExit, tail: OwnEnd['tail']): Diagnosis | undefined {
  if (CRASHES.includes(signal)) {
    return { code: 'ffmpeg-unusable', fault: 'node', message: `ffmpeg crashed (${signal}): ${OTHER_FFMPEG}` };
  }
  if (signal !== null) {
    const hint = signal === 'SIGKILL' ? ', as Linux does when memory runs out' : '';
    return { code: 'ffmpeg-failed', fault: 'node', message: `ffmpeg ended by ${signal}${hint}` };
  }
  const last = tail.lines().at(-1);
  // ffmpeg itself can end with these numbers too, but not without an error.
  if (NOT_EXECUTED.includes(code) && last?.level === 'info') {
    return {
      code: 'ffmpeg-unusable',
      fault: 'node',
      message: `ffmpeg cannot be executed (${last.text}): ${OTHER_FFMPEG}`,
    };
  }
  return undefined;
}

/** A line of ffmpeg's log as people read it. */
export function lineText({ level, module, text }: LogLine): string {
  return `[${level}] ${module === '' ? '' : `${module}: `}${text}`;
}

export function asError(cause: unknown): SidepipeError {
  if (cause instanceof SidepipeError) return cause;
  return new SidepipeError(messageOf(cause), { code: 'internal', fault: 'node', retryable: true, cause });
}
