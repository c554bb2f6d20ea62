/** Common Media Client Data (CTA-5004): what players report about their playback. Pure. */

/** The keys that are counted here. Other keys are ignored. */
export interface Cmcd {
  /** The session id of the player. */
  readonly sessionId?: string;
  /** The encoded bitrate of the requested object, in bits per second. */
  readonly bitrate?: number;
  /** The throughput that the player measured, in bits per second. */
  readonly throughput?: number;
  /** The buffer ran empty since the last request. */
  readonly starved?: true;
  /** Needed urgently: at the start, after a seek, or because the buffer ran empty. */
  readonly startup?: true;
}

/** More than any player sends; longer values are ignored. */
const longest = 1000;
/** Larger numbers are implausible and ignored: 10 Gbit/s. */
const mostKilobits = 10_000_000;

/** A comma, a key, and an optional value: a quoted string or a token. Sticky, so it runs in linear time. */
const pair = /[ \t,]*([a-z0-9.-]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s",;=]+)))?[ \t]*(?=,|$)/iy;

/** Parses the values of the headers, or of the query. Malformed parts are ignored. */
export function parseCmcd(...texts: readonly (string | undefined)[]): Cmcd {
  const found: { -readonly [Key in keyof Cmcd]: Cmcd[Key] } = {};
  for (const text of texts) {
    if (text === undefined || text.length > longest) continue;
    pair.lastIndex = 0;
    for (let match = pair.exec(text); match !== null && match[0] !== ''; match = pair.exec(text)) {
      const [, key, quoted, token] = match;
      if (key === 'sid' && quoted !== undefined && quoted !== '' && quoted.length <= 64) found.sessionId = quoted;
      if (key === 'bs' && isTrue(quoted, token)) found.starved = true;
      if (key === 'su' && isTrue(quoted, token)) found.startup = true;
      const kilobits = key === 'br' || key === 'mtp' ? numberOf(token) : undefined;
      if (kilobits !== undefined) found[key === 'br' ? 'bitrate' : 'throughput'] = kilobits * 1000;
    }
  }
  return found;
}

/** "If the value is TRUE, then the = and the value MUST be omitted"; structured fields write `?1`. */
function isTrue(quoted: string | undefined, token: string | undefined): boolean {
  return quoted === undefined && (token === undefined || token === 'true' || token === '?1');
}

function numberOf(token: string | undefined): number | undefined {
  if (token === undefined || !/^\d{1,8}$/.test(token)) return undefined;
  const number = Number(token);
  return number > 0 && number <= mostKilobits ? number : undefined;
}
