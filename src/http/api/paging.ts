import { invalidRequest } from './problems.js';

export interface PageQuery {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/**
 * A part of a list that can change between two pages. A cursor names the item before the page and its place: where the item is
 * gone meanwhile, its place says where to go on. Throws `request-invalid` for a cursor that was not made here. Pure.
 */
export function pageOf<T extends { readonly name: string }>(all: readonly T[], { limit, cursor }: PageQuery) {
  const start = cursor === undefined ? 0 : startBehind(all, cursor);
  const items = all.slice(start, start + limit);
  const last = items.at(-1);
  const next = last !== undefined && start + limit < all.length ? `${start + items.length}.${last.name}` : null;
  return { items, next };
}

function startBehind(all: readonly { readonly name: string }[], cursor: string): number {
  const [, place, name] = /^(\d{1,9})\.([a-z0-9-]{1,63})$/.exec(cursor) ?? [];
  if (name === undefined) {
    throw invalidRequest('query', [{ path: ['cursor'], message: 'expected `next` of the page before' }]);
  }
  const index = all.findIndex((item) => item.name === name);
  return index === -1 ? Math.max(0, Number(place) - 1) : index + 1;
}
