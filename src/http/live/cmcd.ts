/** Common Media Client Data (CTA-5004): what players say of their own playback. Pure. */

/** The part of it that is counted here. Other keys are passed over. */
export interface Cmcd {
  /** The session of the player. */
  readonly sessionId?: string;
  /** The encoded bit rate of what is asked for, in bits a second. */
  readonly bitrate?: number;
  /** The throughput that the player measured, in bits a second. */
  readonly throughput?: number;
  /** The buffer ran dry since the last request. */
  readonly starved?: true;
  /** Needed urgently: at the start, after a seek, or because the buffer ran dry. */
  readonly startup?: true;
}

/** More than any player sends; what is longer is not looked at. */
const longest = 1000;
/** Greater numbers are not believed: 10 Gbit/s. */
const mostKilobits = 10_000_000;

/** A comma, a key, and perhaps a value: a quoted string or a token. Sticky, so it runs in linear time. */
const pair = /[ \t,]*([a-z0-9.-]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s",;=]+)))?[ \t]*(?=,|$)/iy;

/** Reads the texts of the headers, or the one of the query. Whatever is not well-formed is passed over. */
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
