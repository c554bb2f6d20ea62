import type { Field } from './fields.js';
import type { ConfigProblem, Path } from './problems.js';
import { didYouMean } from './suggest.js';

const prefix = 'SIDEPIPE_';

/**
 * Variables that container platforms set for a service named sidepipe
 * (`SIDEPIPE_SERVICE_HOST`, `SIDEPIPE_PORT_8080_TCP_ADDR`). They are not settings.
 */
const platformName =
  /^SIDEPIPE_(?:SERVICE_(?:HOST|PORT(?:_\w+)?)|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)$/;

/** A value from outside the file. `origin` is its source for error messages: `SIDEPIPE_HTTP_PORT`, `--source`. */
export interface Setting {
  readonly path: Path;
  readonly value: unknown;
  readonly origin: string;
}

/** The environment variable of a setting: its path in upper snake case, with `S3_` as the short form of `STORAGE_S3_`. */
export function environmentName(path: Path): string {
  const names = path[0] === 'storage' && path[1] === 's3' ? path.slice(1) : path;
  return prefix + names.map(snakeCase).join('_');
}

function snakeCase(part: string | number): string {
  return String(part)
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toUpperCase();
}

/** The setting of an environment variable, with its list indexes; undefined for unknown names. */
export function fieldOfName(name: string, fields: readonly Field[]): { field: Field; path: Path } | undefined {
  const short = name.replace(/^SIDEPIPE_STORAGE_S3_/, `${prefix}S3_`);
  for (const field of fields) {
    const pattern = environmentName(field.path).replaceAll('*', '(\\d{1,4})');
    const match = new RegExp(`^${pattern}$`).exec(short);
    if (match === null) continue;
    const positions = match.slice(1).map(Number);
    return { field, path: field.path.map((part) => (part === '*' ? (positions.shift() ?? 0) : part)) };
  }
  return undefined;
}

/** All settings in the environment. An empty variable counts as unset. */
export function readEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  fields: readonly Field[],
): { settings: Setting[]; problems: ConfigProblem[] } {
  const settings = new Map<string, Setting>();
  const problems: ConfigProblem[] = [];
  for (const [name, text] of Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!name.startsWith(prefix) || text === undefined || text.trim() === '' || platformName.test(name)) continue;
    const match = fieldOfName(name, fields);
    if (match === undefined) {
      problems.push({
        path: name,
        message: `unknown environment variable${didYouMean(name, candidates(name, fields))}`,
      });
      continue;
    }
    const value = match.field.list ? text.split(',').map((item) => item.trim()) : text;
    const key = environmentName(match.path);
    const earlier = settings.get(key);
    if (earlier !== undefined && String(earlier.value) !== String(value)) {
      problems.push({ path: name, message: `conflicts with ${earlier.origin}; set only one of them` });
    }
    settings.set(key, { path: match.path, value, origin: name });
  }
  return { settings: [...settings.values()].sort(byPath), problems };
}

function candidates(name: string, fields: readonly Field[]): string[] {
  const positions = name.match(/(?<=_)\d+(?=_)/g) ?? [];
  return fields.map(({ path }) => {
    let index = 0;
    return environmentName(path.map((part) => (part === '*' ? (positions[index++] ?? '0') : part)));
  });
}

/** Sorted by index, because lists are filled from the start. */
function byPath(a: Setting, b: Setting): number {
  for (const [index, part] of a.path.entries()) {
    const other = b.path[index];
    if (part === other) continue;
    if (typeof part === 'number' && typeof other === 'number') return part - other;
    return String(part) < String(other) ? -1 : 1;
  }
  return 0;
}
