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
 * `silent`: the source's audio did not start, or stopped. `heard`: it started after that. `appeared`: it started without having been
 * announced when the source was opened.
 */
export type AudioChange = 'silent' | 'heard' | 'appeared';

/** Why a run is over. */
export type RunEnd =
  /** The source ended. */
  | { readonly kind: 'ended' }
  /** `stop` was called. */
  | { readonly kind: 'stopped' }
  /** One part of the source ended: continue with the next at once. */
  | { readonly kind: 'continued' }
  /** Nothing is listed yet, and more must be decoded for thumbnails: restart at once. */
  | { readonly kind: 'replanned'; readonly decode: DecodeChoice }
  /** The source needs another plan, the frame size changed, or the operator or a timestamp range requires it: restart at once. */
  | {
      readonly kind: 'replanned';
      readonly needs: SourceNeeds;
      readonly codecs: SourceCodecs | undefined;
      readonly audio?: AudioChange;
    }
  | { readonly kind: 'replanned'; readonly resized: true }
  | { readonly kind: 'replanned'; readonly reconfigured: true }
  /** The source's timestamps jumped, and ffmpeg cannot follow: restart at once. */
  | { readonly kind: 'replanned'; readonly jumped: true }
  | { readonly kind: 'replanned'; readonly restarted: true }
  | { readonly kind: 'failed'; readonly error: SidepipeError };

export interface OwnEnd {
  readonly exit: ChildExit;
  readonly config: StreamConfig;
  readonly source: Source | UnknownSource;
  readonly tail: Pick<LogTail, 'lines'>;
  /** The source announced audio, and none arrived. */
  readonly isAudioMissing?: boolean;
  /** The source's format and streams, as far as ffmpeg reported them. */
  readonly facts?: SourceFacts | undefined;
}

/** Interprets the end of an ffmpeg that was not told to stop. */
export function endOfItself({ isAudioMissing = false, ...end }: OwnEnd): RunEnd {
  const { exit, config, source, tail, facts } = isAudioMissing ? withoutMissingAudio(end) : end;
  if (exit.code === 0 && source.kind === 'file' && !config.loop) return { kind: 'ended' };
  if (exit.code === 0 && source.kind === 'directory') return { kind: 'continued' };
  const how = exit.signal === null ? `exited with code ${exit.code}` : `was ended by ${exit.signal}`;
  const unknown = exit.code === 0 ? 'The source ended.' : `ffmpeg ${how}.`;
  const fallback = { message: unknown, code: 'ffmpeg-failed', fault: exit.code === 0 ? 'source' : 'node' } as const;
  const diagnosis = ofProcess(exit, tail) ?? diagnose(tail.lines()) ?? fallback;
  const { message: found, denied, ...options } = { denied: undefined, ...diagnosis };
  const isAudioOnly = options.code === 'source-without-video' && facts?.audio !== undefined;
  const message = isAudioOnly ? audioOnly(facts.audio.codec) : found;
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

/** What ffmpeg logs at the end of its input if it should decode audio that never arrived, and then fails. */
const MISSING_AUDIO =
  /^Cannot determine format of input stream \d+:\d+ after EOF|^Error marking filters as finished|^Neither number of channels nor channel layout specified|^Error initializing filters!|^(?:Task finished with error|Terminating thread with return) code:? -22 |^Could not open encoder before EOF|^Nothing was written into output file, because at least one of its streams received no packets/;

/** The same end as if the audio had not been announced. */
function withoutMissingAudio({ exit, tail, ...end }: Omit<OwnEnd, 'isAudioMissing'>): Omit<OwnEnd, 'isAudioMissing'> {
  const lines = tail.lines().filter(({ text }) => !MISSING_AUDIO.test(text));
  const isEnd =
    lines.length < tail.lines().length && !lines.some(({ level }) => level === 'error' || level === 'fatal');
  return { ...end, exit: isEnd ? { code: 0, signal: null } : exit, tail: { lines: () => lines } };
}

/** Signals that end a program with a bug, or one built for another processor. */
const CRASHES: readonly (NodeJS.Signals | null)[] = ['SIGSEGV', 'SIGILL', 'SIGBUS', 'SIGABRT', 'SIGFPE', 'SIGSYS'];
/** The exit codes of shells, env and setpriv if they cannot execute the program. */
const NOT_EXECUTED: readonly (number | null)[] = [126, 127];

/** What the way in which a process ended means, regardless of its log. */
function ofProcess({ code, signal }: ChildExit, tail: OwnEnd['tail']): Diagnosis | undefined {
  if (CRASHES.includes(signal)) {
    return { code: 'ffmpeg-unusable', fault: 'node', message: `ffmpeg crashed (${signal}). ${OTHER_FFMPEG}` };
  }
  if (signal !== null) {
    const hint = signal === 'SIGKILL' ? ', as Linux does when memory runs out' : '';
    return { code: 'ffmpeg-failed', fault: 'node', message: `ffmpeg was ended by ${signal}${hint}.` };
  }
  const last = tail.lines().at(-1);
  // ffmpeg itself can exit with these codes too, but not without an error.
  if (NOT_EXECUTED.includes(code) && last?.level === 'info') {
    return {
      code: 'ffmpeg-unusable',
      fault: 'node',
      message: `ffmpeg cannot be executed (${last.text}). ${OTHER_FFMPEG}`,
    };
  }
  return undefined;
}

/** A line of ffmpeg's log for people. */
export function lineText({ level, module, text }: LogLine): string {
  return `[${level}] ${module === '' ? '' : `${module}: `}${text}`;
}

function audioOnly(codec: string): string {
  return `The source has no video, only audio (${codec}). Choose a source with video.`;
}

export function asError(cause: unknown): SidepipeError {
  if (cause instanceof SidepipeError) return cause;
  return new SidepipeError(messageOf(cause), { code: 'internal', fault: 'node', retryable: true, cause });
}
