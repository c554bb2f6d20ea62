import { type ConfigProblem, formatPath } from './problems.js';
import { isRecord, valueAt } from './tree.js';

/** Settings from the command line. */
export interface ConfigFlags {
  /** An additional stream: its source and its name, both or neither. */
  readonly source?: string;
  readonly stream?: string;
  /** The animated test video as stream `demo`, unless a stream of that name is configured. */
  readonly demo?: boolean;
  /** With `demo`: the stream key of stream `live`, which accepts publishers. Without it there is no stream `live`. */
  readonly demoKey?: string;
}

/** A stream from the command line. */
export interface AddedStream {
  readonly value: Readonly<Record<string, unknown>>;
  /** The flag that each setting came from. */
  readonly flags: Readonly<Record<string, string>>;
  /** Skip this stream if the configuration has one of the same name. */
  readonly optional: boolean;
}

export function streamsOfFlags({ source, stream, demo, demoKey }: ConfigFlags): {
  streams: AddedStream[];
  problems: ConfigProblem[];
} {
  const streams: AddedStream[] = [];
  const problems: ConfigProblem[] = [];
  if (source !== undefined && stream !== undefined) {
    streams.push({ value: { name: stream, source }, flags: { name: '--stream', source: '--source' }, optional: false });
  } else if (source !== undefined) {
    problems.push({
      path: '--stream',
      message: 'required with --source, for example --stream camera',
    });
  } else if (stream !== undefined) {
    problems.push({ path: '--source', message: 'required with --stream, for example --source rtsp://camera/1' });
  }
  if (demo) {
    const value = { name: 'demo', source: 'test', thumbnail: { intervalSeconds: 2 } };
    const flags = { name: '--demo', source: '--demo' };
    streams.push({ value, flags, optional: true });
    const push = { name: 'live', source: 'push', keys: [demoKey], thumbnail: { intervalSeconds: 2 } };
    if (demoKey !== undefined) streams.push({ value: push, flags, optional: true });
  }
  return { streams, problems };
}

/** Appends these streams to those of the configuration. */
export function addStreams(
  tree: unknown,
  added: readonly AddedStream[],
): { value: unknown; origins: Map<string, string> } {
  const origins = new Map<string, string>();
  const listed = valueAt(tree, ['streams']).value ?? [];
  if (!isRecord(tree) || !Array.isArray(listed)) return { value: tree, origins };
  const streams: unknown[] = [...listed];
  for (const { value, flags, optional } of added) {
    if (optional && streams.some((stream) => isRecord(stream) && stream['name'] === value['name'])) continue;
    for (const [setting, flag] of Object.entries(flags)) {
      origins.set(formatPath(['streams', streams.length, setting]), flag);
    }
    streams.push(value);
  }
  return { value: { ...tree, streams }, origins };
}
