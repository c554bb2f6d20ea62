import type { StillEntry } from '../storage/publish/types.js';
import type { StillsPage, StillsQuery } from './types.js';

export interface StillsPageOptions extends StillsQuery {
  /** The oldest first. */
  readonly entries: readonly StillEntry[];
  /** Where the folder of stills can be fetched, without a trailing slash; undefined where it cannot. */
  readonly baseUrl: string | undefined;
}

/** A page of stills, the newest first. A `before` that is gone meanwhile goes on with what is older by name. Pure. */
export function stillsPage({ entries, baseUrl, limit, before }: StillsPageOptions): StillsPage {
  const end = before === undefined ? entries.length : placeOf(entries, before);
  const start = Math.max(0, end - limit);
  const stills = entries
    .slice(start, end)
    .reverse()
    .map(({ name, capturedAt, bytes }) => ({
      name,
      capturedAt,
      bytes,
      url: baseUrl === undefined ? null : `${baseUrl}/${name}`,
    }));
  return { stills, next: start > 0 ? (entries[start]?.name ?? null) : null };
}

function placeOf(entries: readonly StillEntry[], name: string): number {
  const exact = entries.findIndex((entry) => entry.name === name);
  if (exact >= 0) return exact;
  return entries.filter((entry) => entry.name < name).length;
}
