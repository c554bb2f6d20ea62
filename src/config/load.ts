import { resolve } from 'node:path';
import type { ConfigDocument } from './document.js';
import { readEnvironment, type Setting } from './environment.js';
import { readConfigFile } from './file.js';
import { addStreams, type ConfigFlags, streamsOfFlags } from './flags.js';
import { readOpenTelemetry } from './opentelemetry.js';
import { checkConfig, type Finding, fields } from './parse.js';
import { type ConfigProblem, configInvalid, formatPath, type Path } from './problems.js';
import type { Config } from './schema/schema.js';
import { valueAt, withValue } from './tree.js';

const defaultFile = 'sidepipe.yaml';

export interface LoadOptions {
  /** Relative to `cwd`. Default: `sidepipe.yaml`, if it exists. */
  readonly file?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly flags: ConfigFlags;
  readonly cwd: string;
  /** Additional checks of a configuration that is valid by its schema. */
  readonly alsoCheck?: (config: Config) => readonly Finding[];
}

/**
 * Reads the YAML file, then the environment, then the flags. Later sources override earlier ones.
 * Throws `config-invalid` with all problems at once in `details.problems`.
 */
export async function loadConfig({ file, env, flags, cwd, alsoCheck = () => [] }: LoadOptions): Promise<Config> {
  const name = file ?? defaultFile;
  const read = await readConfigFile({ path: resolve(cwd, name), name, required: file !== undefined });
  const environment = readEnvironment(env, fields);
  const added = streamsOfFlags(flags);
  const problems = [...read.problems, ...environment.problems, ...added.problems];
  // The settings of an unreadable file are unknown, so nothing can be reported as missing.
  if (read.problems.length > 0) throw configInvalid(problems, name);

  const tree = read.document?.value ?? {};
  const standard = readOpenTelemetry(env, tree, environment.settings);
  const merged = applySettings(tree, [...environment.settings, ...standard]);
  const whole = addStreams(merged.value, added.streams);
  const origins = new Map([...merged.origins, ...whole.origins]);
  const { config, findings } = checkConfig(whole.value);
  const more = config === undefined ? [] : alsoCheck(config);
  problems.push(...merged.problems, ...[...findings, ...more].map((finding) => place(finding, origins, read.document)));
  problems.sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
  if (config === undefined || problems.length > 0) throw configInvalid(problems, name);
  return config;
}

/** Adds the source of an invalid value: a variable, a flag, or a line of the file. */
function place(
  finding: Finding,
  origins: ReadonlyMap<string, string>,
  document: ConfigDocument | undefined,
): ConfigProblem {
  const path = formatPath(finding.path);
  const origin = finding.path
    .map((_, index) => origins.get(formatPath(finding.path.slice(0, index + 1))))
    .find(Boolean);
  if (origin !== undefined) return { path, message: `${finding.message} (from ${origin})` };
  const position = document?.locate(finding.path, finding.named ? 'name' : 'value');
  return { path, message: finding.message, ...position };
}

interface Merged {
  readonly value: unknown;
  /** By formatted path: the variable or flag that set the value. */
  readonly origins: Map<string, string>;
  readonly problems: ConfigProblem[];
}

function applySettings(tree: unknown, settings: readonly Setting[]): Merged {
  const origins = new Map<string, string>();
  const problems: ConfigProblem[] = [];
  let value = tree;
  for (const { path, value: setting, origin } of settings) {
    const next = withValue(value, path, setting);
    if (next === undefined) {
      const gap = gapBefore(value, path);
      // A value of another type than a mapping or a list is reported by the schema.
      if (gap !== undefined) {
        problems.push({ path: origin, message: `${gap} is missing: list indexes start at 0, without gaps` });
      }
      continue;
    }
    value = next;
    origins.set(formatPath(path), origin);
  }
  return { value, origins, problems };
}

function gapBefore(tree: unknown, path: Path): string | undefined {
  for (const [index, part] of path.entries()) {
    if (typeof part !== 'number' || part === 0) continue;
    const list = valueAt(tree, path.slice(0, index)).value ?? [];
    if (!Array.isArray(list)) return undefined;
    if (part > list.length) return formatPath([...path.slice(0, index), part - 1]);
  }
  return undefined;
}
