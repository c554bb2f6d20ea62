import { isDeepStrictEqual } from 'node:util';
import type { StreamConfig } from '../config/schema/schema.js';
import type { StreamOrigin } from '../ingest/policy.js';

/** A stream that should exist. */
export interface DesiredStream {
  readonly config: StreamConfig;
  readonly origin: StreamOrigin;
}

/** The change of one stream. `adjusted`: it continues running with other settings. */
export type DesiredChange =
  | { readonly kind: 'added' | 'replaced' | 'adjusted'; readonly name: string; readonly wanted: DesiredStream }
  | { readonly kind: 'removed'; readonly name: string };

/** The changes that turn the existing streams into the desired ones. */
export function changesBetween(
  before: ReadonlyMap<string, DesiredStream>,
  after: ReadonlyMap<string, DesiredStream>,
): DesiredChange[] {
  const removed = [...before.keys()].filter((name) => !after.has(name));
  const others = [...after].flatMap(([name, wanted]): DesiredChange[] => {
    const old = before.get(name);
    if (old === undefined) return [{ kind: 'added', name, wanted }];
    if (isDeepStrictEqual(old, wanted)) return [];
    return [{ kind: runsOn(old, wanted) ? 'adjusted' : 'replaced', name, wanted }];
  });
  return [...removed.map((name) => ({ kind: 'removed', name }) as const), ...others];
}

/** Keys, `publish.whenBusy` and alerts are read when needed, so changing them needs no restart. */
function runsOn(before: DesiredStream, after: DesiredStream): boolean {
  const rest = ({ config, origin }: DesiredStream) => {
    const { keys: _keys, alerts: _alerts, publish, ...others } = config;
    return { origin, ...others, graceSeconds: publish.graceSeconds };
  };
  return isDeepStrictEqual(rest(before), rest(after));
}
