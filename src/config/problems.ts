import { SidepipeError } from '../errors.js';
import { redactUrl } from './redact.js';

/** The path of a setting: names, and list indexes from 0. */
export type Path = readonly (string | number)[];

/** One error in the configuration. */
export interface ConfigProblem {
  /** `streams[0].thumbnail.intervalSeconds`, or the name of an environment variable, a flag or a file. */
  readonly path: string;
  /** The expected and the actual value, without secrets. For people to read. */
  readonly message: string;
  /** In the YAML file, from 1. */
  readonly line?: number;
  readonly column?: number;
}

/** `['streams', 0, 'hls']` as `streams[0].hls`. */
export function formatPath(path: Path): string {
  return path
    .map((part, index) => {
      if (typeof part === 'number') return `[${part}]`;
      if (!/^[\w-]{1,80}$/.test(part)) return `[${JSON.stringify(redactUrl(part).slice(0, 80))}]`;
      return index === 0 ? part : `.${part}`;
    })
    .join('');
}

/** One error for all problems: they are listed in its message and in `details.problems`. */
export function configInvalid(problems: readonly ConfigProblem[], file?: string): SidepipeError {
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  const lines = problems.map((problem) => `  ${formatProblem(problem, file)}`);
  return new SidepipeError(`The configuration has ${count}:\n${lines.join('\n')}`, {
    code: 'config-invalid',
    fault: 'caller',
    details: { problems, ...(file === undefined ? {} : { file }) },
  });
}

function formatProblem({ path, message, line, column }: ConfigProblem, file: string | undefined): string {
  const position =
    line === undefined ? '' : `${file ?? 'line '}${file === undefined ? '' : ':'}${line}:${column ?? 1} `;
  return `${position}${path === '' ? '' : `${path}: `}${message}`;
}
