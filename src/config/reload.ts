import { isDeepStrictEqual } from 'node:util';
import { formatPath, type Path } from './problems.js';
import type { Config } from './schema/schema.js';
import { isRecord } from './tree.js';

/** The paths of the settings that differ between two configurations, without values and without streams. */
export function changedSettings(before: Config, after: Config): string[] {
  const { streams: _before, ...old } = before;
  const { streams: _after, ...young } = after;
  return differences(old, young, []).map(formatPath);
}

/** Keeps the generated token, so that a configuration without a token does not count as changed. */
export function ensureToken(config: Config, before: Config): Config {
  const { token = before.admin.token } = config.admin;
  return { ...config, admin: { ...config.admin, token } };
}

function differences(before: unknown, after: unknown, path: Path): Path[] {
  if (!isRecord(before) || !isRecord(after)) return isDeepStrictEqual(before, after) ? [] : [path];
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].flatMap((name) => differences(before[name], after[name], [...path, name]));
}
