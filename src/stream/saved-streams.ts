import { createHash } from 'node:crypto';

/** A stream that was made through the API, as it is saved. */
export interface SavedStream {
  /** As the API took it, and as later changes left it: without defaults, so that those of a later version hold. */
  readonly input: Readonly<Record<string, unknown>> & { readonly name: string };
  /** Of the words that it was made from; undefined once it was changed. */
  readonly madeFrom: string | undefined;
}

/** Where streams of the API are saved. */
export interface StateStore {
  /** For logs: a path, or a store and a key. */
  readonly description: string;
  /** Throws `state-unavailable` when it cannot be read now. What is there but makes no sense is put aside, and told. */
  load(): Promise<LoadedState>;
  /** Whole or not at all. Throws `state-unavailable`. */
  save(streams: readonly SavedStream[]): Promise<void>;
}

export interface LoadedState {
  readonly streams: readonly SavedStream[];
  /** What was wrong with it, in words. */
  readonly problem?: string;
}

/** A name for the words that a stream was made from, whatever the order of their members. Pure but for the hash. */
export function fingerprintOf(value: unknown): string {
  return createHash('sha256').update(canonical(value)).digest('base64url');
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, each]) => `${JSON.stringify(name)}:${canonical(each)}`).join(',')}}`;
}
