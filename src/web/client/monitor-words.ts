/** Messages from the page to the worker that plays a monitor. */
export type MonitorOrder =
  | { readonly kind: 'show'; readonly canvas: OffscreenCanvas; readonly url: string }
  | { readonly kind: 'hold' }
  | { readonly kind: 'go-on' };

/** Messages from the worker to the page: `playing` at the first frame of a connection, `waiting` while there is none. */
export type MonitorNews = 'playing' | 'waiting';
