/** What the page tells the worker that plays a monitor. */
export type MonitorOrder =
  | { readonly kind: 'show'; readonly canvas: OffscreenCanvas; readonly url: string }
  | { readonly kind: 'hold' }
  | { readonly kind: 'go-on' };

/** What the worker tells the page: `playing` with the first picture of a connection, `waiting` when there is none. */
export type MonitorNews = 'playing' | 'waiting';
