import type { StreamConfig } from '../config/schema.js';
import { messageOf, SidepipeError } from '../errors.js';
import type { ChildExit } from '../ffmpeg/child.js';
import { diagnose } from '../ffmpeg/diagnosis.js';
import type { LogLine } from '../ffmpeg/log-line.js';
import type { LogTail } from '../ffmpeg/log-tail.js';
import type { DecodeChoice } from '../frames/decode.js';
import type { Source, UnknownSource } from '../ingest/source.js';
import type { SourceNeeds } from './source-needs.js';

/** Why a run is over. */
export type RunEnd =
  /** The source came to its end. */
  | { readonly kind: 'ended' }
  /** `stop` was called. */
  | { readonly kind: 'stopped' }
  /** One part of the source is over: begin with the next at once. */
  | { readonly kind: 'continued' }
  /** Pictures have to be decoded in another way or have another size, or the source needs another plan: begin again at once. */
  | { readonly kind: 'replanned'; readonly decode: DecodeChoice }
  | { readonly kind: 'replanned'; readonly needs: SourceNeeds }
  | { readonly kind: 'replanned'; readonly resized: true }
  | { readonly kind: 'failed'; readonly error: SidepipeError };

export interface OwnEnd {
  readonly exit: ChildExit;
  readonly config: StreamConfig;
  readonly source: Source | UnknownSource;
  readonly tail: LogTail;
  /** What stands for the receiver's URL in the log. */
  readonly ownUrl: string;
}

/** What it means that ffmpeg ended without being told to. */
export function endOfItself({ exit, config, source, tail, ownUrl }: OwnEnd): RunEnd {
  if (exit.code === 0 && source.kind === 'file' && !config.loop) return { kind: 'ended' };
  if (exit.code === 0 && source.kind === 'directory') return { kind: 'continued' };
  const how = exit.signal === null ? `with code ${exit.code}` : `by ${exit.signal}`;
  const unknown = exit.code === 0 ? 'the source ended' : `ffmpeg ended ${how}`;
  const fallback = { message: unknown, code: 'ffmpeg-failed', fault: exit.code === 0 ? 'source' : 'node' } as const;
  const { message, ...options } = diagnose(tail.lines(), ownUrl) ?? fallback;
  const stderr = tail.lines().slice(-5).map(lineText);
  return {
    kind: 'failed',
    error: new SidepipeError(message, {
      ...options,
      retryable: true,
      details: { exitCode: exit.code, signal: exit.signal, stderr },
    }),
  };
}

/** A line of ffmpeg's log as people read it. */
export function lineText({ level, module, text }: LogLine): string {
  return `[${level}] ${module === '' ? '' : `${module}: `}${text}`;
}

export function asError(cause: unknown): SidepipeError {
  if (cause instanceof SidepipeError) return cause;
  return new SidepipeError(messageOf(cause), { code: 'internal', fault: 'node', retryable: true, cause });
}
