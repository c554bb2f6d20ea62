import type { z } from 'zod';
import { withDerived } from './derived.js';
import { type Field, fieldsOf } from './fields.js';
import { type ConfigProblem, configInvalid, formatPath, type Path } from './problems.js';
import { withProfile } from './profile.js';
import { collectSecrets, redactText, secretsOfUrl } from './redact.js';
import { type Config, configSchema } from './schema/schema.js';
import { closest, didYouMean } from './suggest.js';
import { isRecord, remove, replace, valueAt } from './tree.js';

type Issue = z.core.$ZodIssue;

/** A problem as the schema reports it. `named`: the name is wrong, not the value. */
export interface Finding {
  readonly path: Path;
  readonly message: string;
  readonly named: boolean;
}

/** All settings. */
export const fields: readonly Field[] = fieldsOf(configSchema);

/**
 * Checks a configuration and fills in the defaults.
 * Throws `config-invalid` with all problems at once in `details.problems`.
 */
export function parseConfig(input: unknown): Config {
  const { config, findings } = checkConfig(input);
  if (config !== undefined) return config;
  throw configInvalid(findings.map(({ path, message }): ConfigProblem => ({ path: formatPath(path), message })));
}

/** Validates a configuration. Returns the configuration, or the findings if it is invalid. */
export function checkConfig(input: unknown): { config?: Config; findings: Finding[] } {
  const given = withoutNulls(input) ?? {};
  const value = prepared(given);
  const first = configSchema.safeParse(value, { error: expectation });
  if (first.success) return { config: first.data, findings: [] };
  const redact = (text: string) => redactText(text, collectSecrets(value));
  const findings = allIssues(given, first.error.issues).flatMap((issue) => describe(issue, value));
  return { findings: findings.map((finding) => ({ ...finding, message: redact(finding.message) })) };
}

/**
 * Validates a value by its schema, with the messages of `checkConfig`. `place`: the configuration that contains the value, and its path.
 */
export function checkValue<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  place: { readonly whole: unknown; readonly path: Path } = { whole: value, path: [] },
): { value?: z.output<Schema>; findings: Finding[] } {
  const result = schema.safeParse(value, { error: expectation });
  if (result.success) return { value: result.data, findings: [] };
  const redact = (text: string) => redactText(text, collectSecrets(value));
  const findings = result.error.issues.flatMap((issue) =>
    describe({ ...issue, path: [...place.path, ...issue.path] }, place.whole),
  );
  return { findings: findings.map((finding) => ({ ...finding, message: redact(finding.message) })) };
}

/** Fills in the defaults that depend on other settings; the schema has the rest. */
function prepared(given: unknown): unknown {
  return withDerived(given, withProfile(given));
}

/**
 * Zod runs the checks across settings only when each setting is valid by itself. To report all errors in one round,
 * invalid values are set aside and the rest is checked again.
 */
function allIssues(given: unknown, first: readonly Issue[]): Issue[] {
  const all = [...first];
  let issues = first;
  let rest = structuredClone(given);
  const seen = new Set(first.map(({ path }) => formatPath(path as Path)));
  const tried = new Map<string, number>();
  for (let round = 0; round < 8 && issues.length > 0; round++) {
    for (const issue of issues) rest = withoutInvalid(rest, issue, tried);
    const result = configSchema.safeParse(prepared(rest), { error: expectation });
    issues = result.error?.issues ?? [];
    for (const issue of issues) {
      const path = formatPath(issue.path as Path);
      // A value that was set aside is not missing.
      const isAside = !valueAt(rest, issue.path as Path).found && valueAt(given, issue.path as Path).found;
      if (!seen.has(path) && issue.code === 'custom' && !isAside) all.push(issue);
      seen.add(path);
    }
  }
  return all;
}

/** Removes an invalid value, or replaces it with a harmless one if a value is required. */
function withoutInvalid(tree: unknown, issue: Issue, tried: Map<string, number>): unknown {
  const path = issue.path as Path;
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.reduce((rest, key) => remove(rest, [...path, key]), tree);
  }
  if (path.length === 0) return {};
  const key = formatPath(path);
  const times = tried.get(key) ?? 0;
  tried.set(key, times + 1);
  // Removing a list entry would shift the others.
  if (typeof path.at(-1) === 'number') return times > 0 ? remove(tree, path.slice(0, -1)) : replace(tree, path, {});
  if (times === 0) return remove(tree, path);
  if (times > 2) return remove(tree, path.slice(0, -1));
  return replace(tree, path, times === 1 ? `placeholder-${path[1] ?? 0}` : {});
}

function describe(issue: Issue, input: unknown): Finding[] {
  const path = issue.path as Path;
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: [...path, key], message: `unknown name${meant(path, key)}`, named: true }));
  }
  const { found, value } = valueAt(input, path);
  if (!found || value === null) return [{ path, message: ofMissing(issue, found), named: false }];
  if (!issue.message.startsWith('expected')) return [{ path, message: issue.message, named: false }];
  return [{ path, message: `${issue.message}, got ${show(value, path)}`, named: false }];
}

/** The error of a setting that is required and absent, or of a list entry without a value. */
function ofMissing(issue: Issue, found: boolean): string {
  if (issue.code === 'custom') return issue.message;
  return issue.code === 'invalid_type' && !found ? 'required' : `required: ${issue.message}`;
}

/** A sibling with a similar name, or the path of a setting with this name elsewhere. */
function meant(path: Path, key: string): string {
  const depth = path.length;
  const pattern = path.map((part) => (typeof part === 'number' ? '*' : part));
  const around = fields.filter((field) => pattern.every((part, index) => field.path[index] === part));
  const siblings = new Set(around.map((field) => field.path[depth]).filter((name) => name !== undefined));
  if (closest(key, siblings) !== undefined) return didYouMean(key, siblings);
  const elsewhere = fields.filter((field) => field.path.at(-1) === key || field.path[0] === key);
  const text = elsewhere[0]?.path.join('.').replaceAll('.*', '[…]');
  return text === undefined ? '' : `; did you mean ${text}?`;
}

/** A value in an error message. Strings are shown only for settings that the schema knows and that are not secret. */
function show(value: unknown, path: Path): string {
  if (Array.isArray(value)) return 'a list';
  if (isRecord(value)) return 'a mapping';
  const pattern = path.map((part) => (typeof part === 'number' ? '*' : part)).join('.');
  const field = fields.find(
    ({ path: names, list }) => pattern === names.join('.') + (list && pattern.endsWith('*') ? '.*' : ''),
  );
  if (field?.secret) return 'a secret value (not shown)';
  if (typeof value === 'boolean') return String(value);
  if (field === undefined) return typeof value === 'string' ? 'a string' : 'a number';
  if (typeof value !== 'string') return String(value);
  if (value === '') return 'an empty string';
  const text = redactText(value, secretsOfUrl(value));
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a mapping (name: value)',
  array: 'a list',
};

/** The expected value of a setting. Messages in the schema take precedence. */
function expectation(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      if (issue.expected === 'string' && ['number', 'boolean'].includes(typeof issue.input))
        return 'expected a string (in quotes)';
      return `expected ${typeNames[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `expected ${orList(issue.values.map(String))}`;
    case 'too_small':
      return `expected ${bound(issue.origin, Number(issue.minimum), issue.inclusive === false ? 'more than' : 'at least')}`;
    case 'too_big':
      return `expected ${bound(issue.origin, Number(issue.maximum), issue.inclusive === false ? 'less than' : 'at most')}`;
    default:
      return undefined;
  }
}

function bound(origin: string, limit: number, words: string): string {
  if (origin === 'string') return limit === 1 ? 'a non-empty string' : `${words} ${limit} characters`;
  if (origin === 'array') return `${words} ${limit} ${limit === 1 ? 'entry' : 'entries'}`;
  return `${words} ${limit}`;
}

function orList(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

/** A name without a value (`http:`) counts as unset. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutNulls(item) ?? null);
  if (!isRecord(value)) return value ?? undefined;
  // `fromEntries` keeps a name such as `__proto__` an ordinary property.
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, item]) => [key, withoutNulls(item)])
      .filter(([, item]) => item !== undefined),
  );
}
