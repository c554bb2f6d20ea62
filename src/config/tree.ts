import type { Path } from './problems.js';

/** Access to a configuration before it is validated, when the types of its values are unknown. */

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value at a path. Only own properties count. */
export function valueAt(tree: unknown, path: Path): { found: boolean; value: unknown } {
  let value = tree;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) {
      return { found: false, value: undefined };
    }
    value = (value as Record<string | number, unknown>)[part];
  }
  return { found: true, value };
}

/** A copy with a value set at a path. Missing mappings are created. Undefined if a value of another type is in the way. */
export function withValue(tree: unknown, path: Path, value: unknown): unknown {
  const [part, ...rest] = path;
  if (part === undefined) return value;
  if (typeof part === 'number') {
    const list = tree ?? [];
    if (!Array.isArray(list) || part > list.length) return undefined;
    const item = withValue(list[part], rest, value);
    return item === undefined ? undefined : [...list.slice(0, part), item, ...list.slice(part + 1)];
  }
  const record = tree ?? {};
  if (!isRecord(record)) return undefined;
  const item = withValue(Object.hasOwn(record, part) ? record[part] : undefined, rest, value);
  return item === undefined ? undefined : { ...record, [part]: item };
}

/** A copy with a value set at a path, or the same tree if that is not possible. */
export function replace(tree: unknown, path: Path, value: unknown): unknown {
  return withValue(tree, path, value) ?? tree;
}

/** A copy without the value at a path. */
export function remove(tree: unknown, path: Path): unknown {
  const [part, ...rest] = path;
  if (typeof part === 'string' && isRecord(tree)) {
    return Object.fromEntries(
      Object.entries(tree).flatMap(([key, item]) => {
        if (key !== part) return [[key, item]];
        return rest.length === 0 ? [] : [[key, remove(item, rest)]];
      }),
    );
  }
  if (typeof part === 'number' && Array.isArray(tree)) {
    return tree.flatMap((item, index) => {
      if (index !== part) return [item];
      return rest.length === 0 ? [] : [remove(item, rest)];
    });
  }
  return tree;
}

/** More levels than any request needs. Functions that walk a value recurse once per level. */
const deepest = 40;

/** Whether a JSON value is nested deeper than any setting. */
export function isTooDeep(value: unknown, left = deepest): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return left === 0 || Object.values(value).some((each) => isTooDeep(each, left - 1));
}
