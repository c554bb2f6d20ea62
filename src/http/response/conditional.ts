/** Conditional requests (RFC 9110 section 13). Pure: times are parameters, in milliseconds since the epoch. */

/** The validators of a representation. */
export interface Validators {
  /** Strong entity tag with its quotes. */
  readonly etag: string;
  readonly modifiedAt: number;
}

export interface Conditions {
  readonly ifNoneMatch: string | undefined;
  readonly ifModifiedSince: string | undefined;
}

/** One list element: optional white space and comma, then `"tag"` or `W/"tag"`. Sticky, so it runs in linear time. */
const listedTag = /[ \t,]*(?:W\/)?("[\x21\x23-\x7e\x80-\uffff]*")[ \t]*(?=,|$)/y;

/** Whether an `If-None-Match` value contains this entity tag, by weak comparison. Parsing stops at a malformed element. */
export function listsEtag(value: string, etag: string): boolean {
  if (value.trim() === '*') return true;
  const opaque = opaqueTag(etag);
  listedTag.lastIndex = 0;
  for (let match = listedTag.exec(value); match !== null; match = listedTag.exec(value)) {
    if (match[1] === opaque) return true;
  }
  return false;
}

/** Whether the response is 304. `If-None-Match` always takes precedence over `If-Modified-Since`. */
export function isNotModified(conditions: Conditions, validators: Validators): boolean {
  if (conditions.ifNoneMatch !== undefined) return listsEtag(conditions.ifNoneMatch, validators.etag);
  if (conditions.ifModifiedSince === undefined) return false;
  const since = parseHttpDate(conditions.ifModifiedSince);
  return since !== undefined && since >= wholeSecondAfter(validators.modifiedAt);
}

/** Whether an `If-Range` value permits a partial response: an equal strong entity tag, or exactly the date that was sent. */
export function allowsRange(ifRange: string | undefined, validators: Validators): boolean {
  if (ifRange === undefined) return true;
  const value = ifRange.trim();
  if (value.startsWith('"')) return value === validators.etag;
  return parseHttpDate(value) === wholeSecondAfter(validators.modifiedAt);
}

/**
 * The `Last-Modified` of a representation. HTTP dates have whole seconds and images can change within one, so the date
 * is rounded up, but is never in the future ("MUST NOT generate a Last-Modified date that is later than the server's
 * time"): a client that got an earlier image of the same second has an earlier date and does not get 304.
 */
export function lastModified(modifiedAt: number, now: number): string {
  return httpDate(Math.min(wholeSecondAfter(modifiedAt), Math.floor(now / 1000) * 1000));
}

/** Cache of the last formatted date: many consecutive responses have the same. */
let written = { time: 0, text: new Date(0).toUTCString() };

function httpDate(time: number): string {
  if (written.time !== time) written = { time, text: new Date(time).toUTCString() };
  return written.text;
}

const imfFixdate = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
const rfc850Date =
  /^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (\d{2})-([A-Z][a-z]{2})-(\d{2}) (\d{2}:\d{2}:\d{2}) GMT$/;
const asctimeDate = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/;

/** An HTTP date in any of its three forms as milliseconds since the epoch, otherwise undefined. */
export function parseHttpDate(text: string): number | undefined {
  const parsed = Date.parse(inOneForm(text.trim()));
  return Number.isNaN(parsed) ? undefined : parsed;
}

function inOneForm(text: string): string {
  if (imfFixdate.test(text)) return text;
  if (asctimeDate.test(text)) return `${text} GMT`;
  const [, day, month, year, time] = rfc850Date.exec(text) ?? [];
  if (year === undefined) return '';
  // Two-digit years: every date in a cache of this node is in this century, except those of very old files.
  return `${day} ${month} ${Number(year) < 70 ? '20' : '19'}${year} ${time} GMT`;
}

function wholeSecondAfter(time: number): number {
  return Math.ceil(time / 1000) * 1000;
}

function opaqueTag(etag: string): string {
  return etag.startsWith('W/') ? etag.slice(2) : etag;
}
