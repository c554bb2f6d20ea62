import { type ConfigProblem, formatPath } from './problems.js';
import { isRecord, valueAt } from './tree.js';

/** What the command line can add to a configuration. */
export interface ConfigFlags {
  /** One more stream: its source and its name, both or none. */
  readonly source?: string;
  readonly stream?: string;
  /** The moving test picture as stream `demo`, unless there is a stream of that name. */
  readonly demo?: boolean;
  /** With `demo`: the stream key of the stream `live`, which publishers open. Without it there is no such stream. */
  readonly demoKey?: string;
}

/** A stream from the command line. */
export interface AddedStream {
  readonly value: Readonly<Record<string, unknown>>;
  /** Which flag gave which setting. */
  readonly flags: Readonly<Record<string, string>>;
  /** Leave it out when the configuration has a stream of this name. */
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
      message: 'missing: --source needs a name for the stream, such as --stream camera',
    });
  } else if (stream !== undefined) {
    problems.push({ path: '--source', message: 'missing: --stream needs a source, such as --source rtsp://camera/1' });
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

/** The configuration with these streams behind its own. */
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
