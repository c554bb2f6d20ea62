import { invalidRequest } from './problems.js';

export interface PageQuery {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/**
 * A page of a list that can change between two requests. A cursor contains the last item of the previous page and its index: if the
 * item has been removed, the index determines where to continue. Throws `request-invalid` for a cursor not created here. Pure.
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
    throw invalidRequest('query', [{ path: ['cursor'], message: 'expected `next` of the previous page' }]);
  }
  const index = all.findIndex((item) => item.name === name);
  return index === -1 ? Math.max(0, Number(place) - 1) : index + 1;
}
