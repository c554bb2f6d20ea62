import type { StillEntry } from '../../storage/publish/types.js';
import type { StillsPage, StillsQuery } from '../live-stream.js';
import type { StreamUploads } from './uploads.js';

export interface StillsOwner {
  /** The stream's name. */
  readonly name: string;
  readonly uploads: StreamUploads | undefined;
  readonly urlOf: ((store: string) => string | undefined) | undefined;
}

/** A page of a stream's stills, as far as the store in use has them. */
export function stillsOf(query: StillsQuery, { name, uploads, urlOf }: StillsOwner): StillsPage {
  const url = uploads && urlOf?.(uploads.status().store);
  const baseUrl = url === undefined ? undefined : `${url}/${name}/stills`;
  return stillsPage({ ...query, entries: uploads?.stills() ?? [], baseUrl });
}

export interface StillsPageOptions extends StillsQuery {
  /** Oldest first. */
  readonly entries: readonly StillEntry[];
  /** The base URL of the stills, without a trailing slash; undefined if they are not public. */
  readonly baseUrl: string | undefined;
}

/** A page of stills, newest first. If `before` no longer exists, the page continues with older names. Pure. */
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
