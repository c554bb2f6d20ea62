/** The stream that a publisher wants to publish. */
export interface PublishTarget {
  /** The named stream; undefined if the key alone identifies it. */
  readonly stream: string | undefined;
  readonly key: string;
}

/**
 * Parses stream and key from a publisher's request. Accepted forms, as URL and as `server` + `stream key` of OBS:
 *
 * - `rtmp://host/live/<stream>?key=<key>`: server `rtmp://host/live`, stream key `<stream>?key=<key>`
 * - `rtmp://host/live/<key>`: server `rtmp://host/live`, stream key `<key>`; the key identifies the stream
 * - `rtmp://host/live/<stream>/<key>`: server `rtmp://host/live/<stream>`, stream key `<key>`
 *
 * A `?key=` after the application (`rtmp://host/live?key=<key>`) is also accepted, for publishers that put it there.
 * Undefined if there is no key.
 */
export function parsePublishTarget(input: {
  app: string;
  query: string;
  streamKey: string;
}): PublishTarget | undefined {
  const [, ...appRest] = input.app.split('/').filter((part) => part !== '');
  const question = input.streamKey.indexOf('?');
  const name = question < 0 ? input.streamKey : input.streamKey.slice(0, question);
  const path = [...appRest, ...name.split('/').filter((part) => part !== '')];
  const key = keyOf(question < 0 ? '' : input.streamKey.slice(question + 1)) ?? keyOf(input.query);
  if (key !== undefined) return path.length <= 1 ? { stream: path[0], key } : undefined;
  if (path.length === 1) return { stream: undefined, key: path[0]! };
  return path.length === 2 ? { stream: path[0], key: path[1]! } : undefined;
}

function keyOf(query: string): string | undefined {
  return new URLSearchParams(query).get('key') || undefined;
}
