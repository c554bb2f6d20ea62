import type { Path } from './problems.js';

/** Plain values as a configuration has them before it is checked: nothing is known of their shape. */

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value at a path, own properties only. */
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

/** A copy with another value at a path. Mappings on the way are made; undefined when something else stands there. */
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

/** Puts a value where one stands or could stand. */
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

/** Deeper nesting than anything that is asked of the node needs: whoever looks into a value goes down a step a call. */
const deepest = 40;

/** Whether a value of JSON is nested deeper than any setting. */
export function isTooDeep(value: unknown, left = deepest): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return left === 0 || Object.values(value).some((each) => isTooDeep(each, left - 1));
}
