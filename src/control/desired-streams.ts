import { isDeepStrictEqual } from 'node:util';
import type { StreamConfig } from '../config/schema/schema.js';
import type { StreamOrigin } from '../ingest/policy.js';

/** A stream that shall be there. */
export interface WantedStream {
  readonly config: StreamConfig;
  readonly origin: StreamOrigin;
}

/** What becomes of one stream. `adjusted`: it goes on as it is, under other settings. */
export type StreamChange =
  | { readonly kind: 'added' | 'replaced' | 'adjusted'; readonly name: string; readonly wanted: WantedStream }
  | { readonly kind: 'removed'; readonly name: string };

/** What leads from the streams that there are to those that there shall be. */
export function changesBetween(
  before: ReadonlyMap<string, WantedStream>,
  after: ReadonlyMap<string, WantedStream>,
): StreamChange[] {
  const removed = [...before.keys()].filter((name) => !after.has(name));
  const others = [...after].flatMap(([name, wanted]): StreamChange[] => {
    const old = before.get(name);
    if (old === undefined) return [{ kind: 'added', name, wanted }];
    if (isDeepStrictEqual(old, wanted)) return [];
    return [{ kind: runsOn(old, wanted) ? 'adjusted' : 'replaced', name, wanted }];
  });
  return [...removed.map((name) => ({ kind: 'removed', name }) as const), ...others];
}

/** Keys, what a second publisher meets, and alerts are looked up when they are needed: no stream has to begin anew for them. */
function runsOn(before: WantedStream, after: WantedStream): boolean {
  const rest = ({ config, origin }: WantedStream) => {
    const { keys: _keys, alerts: _alerts, publish, ...others } = config;
    return { origin, ...others, graceSeconds: publish.graceSeconds };
  };
  return isDeepStrictEqual(rest(before), rest(after));
}
