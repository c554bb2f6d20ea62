/** Adds a token to every URI that a text lists. Pure. */

/** A URI with a token: after its query, before its fragment. */
export function withToken(uri: string, token: string): string {
  const hash = uri.indexOf('#');
  const [address, fragment] = hash === -1 ? [uri, ''] : [uri.slice(0, hash), uri.slice(hash)];
  return `${address}${address.includes('?') ? '&' : '?'}token=${token}${fragment}`;
}

/** A playlist: lines that are URIs, and `URI` attributes of tags. Absolute URIs get no token, because it opens this node only. */
export function signPlaylist(body: string, token: string): string {
  return body.replace(/^(?!#)(\S.*)$|(?<=[:,]URI=")([^"\n]+)(?=")/gm, (uri: string) => signRelative(uri, token));
}

/** A storyboard's WebVTT: the URIs of its sheets, each on the line after a cue's times. */
export function signStoryboard(body: string, token: string): string {
  return body.replace(/(?<=-->.*\n)(\S.*)$/gm, (uri: string) => signRelative(uri, token));
}

function signRelative(uri: string, token: string): string {
  return /^(?:[a-z][a-z0-9+.-]*:|\/\/)/i.test(uri) ? uri : withToken(uri, token);
}
