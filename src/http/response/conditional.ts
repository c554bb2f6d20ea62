/** Conditional requests (RFC 9110 section 13). Pure: times are parameters, in milliseconds since the epoch. */

/** What a representation is known by. */
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

/** Whether an `If-None-Match` value names this entity tag, by weak comparison. A malformed list matches nothing more. */
export function listsEtag(value: string, etag: string): boolean {
  if (value.trim() === '*') return true;
  const opaque = opaqueTag(etag);
  listedTag.lastIndex = 0;
  for (let match = listedTag.exec(value); match !== null; match = listedTag.exec(value)) {
    if (match[1] === opaque) return true;
  }
  return false;
}

/** Whether 304 is the answer. `If-None-Match` makes `If-Modified-Since` void, whatever it says. */
export function isNotModified(conditions: Conditions, validators: Validators): boolean {
  if (conditions.ifNoneMatch !== undefined) return listsEtag(conditions.ifNoneMatch, validators.etag);
  if (conditions.ifModifiedSince === undefined) return false;
  const since = parseHttpDate(conditions.ifModifiedSince);
  return since !== undefined && since >= wholeSecondAfter(validators.modifiedAt);
}

/** Whether an `If-Range` value allows a part: an equal strong entity tag, or exactly the date that was sent. */
export function allowsRange(ifRange: string | undefined, validators: Validators): boolean {
  if (ifRange === undefined) return true;
  const value = ifRange.trim();
  if (value.startsWith('"')) return value === validators.etag;
  return parseHttpDate(value) === wholeSecondAfter(validators.modifiedAt);
}

/**
 * The `Last-Modified` of a representation. HTTP dates have whole seconds and pictures can change within one, so the date
 * is rounded up and never lies in the future ("MUST NOT generate a Last-Modified date that is later than the server's
 * time"): a client that saw an earlier picture of the same second holds an earlier date and is not told 304.
 */
export function lastModified(modifiedAt: number, now: number): string {
  return httpDate(lastModifiedAt(modifiedAt, now));
}

/** The same as milliseconds since the epoch. */
export function lastModifiedAt(modifiedAt: number, now: number): number {
  return Math.min(wholeSecondAfter(modifiedAt), Math.floor(now / 1000) * 1000);
}

/** The last date that was written: many answers in a row have the same. */
let written = { time: 0, text: new Date(0).toUTCString() };

function httpDate(time: number): string {
  if (written.time !== time) written = { time, text: new Date(time).toUTCString() };
  return written.text;
}

const imfFixdate = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
const rfc850Date =
  /^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (\d{2})-([A-Z][a-z]{2})-(\d{2}) (\d{2}:\d{2}:\d{2}) GMT$/;
const asctimeDate = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/;

/** Milliseconds since the epoch of an HTTP date in any of its three forms, else undefined. */
export function parseHttpDate(text: string): number | undefined {
  const parsed = Date.parse(inOneForm(text.trim()));
  return Number.isNaN(parsed) ? undefined : parsed;
}

function inOneForm(text: string): string {
  if (imfFixdate.test(text)) return text;
  if (asctimeDate.test(text)) return `${text} GMT`;
  const [, day, month, year, time] = rfc850Date.exec(text) ?? [];
  if (year === undefined) return '';
  // Two digits: every date that a cache of this node can hold lies in this century, except those of ancient files.
  return `${day} ${month} ${Number(year) < 70 ? '20' : '19'}${year} ${time} GMT`;
}

function wholeSecondAfter(time: number): number {
  return Math.ceil(time / 1000) * 1000;
}

function opaqueTag(etag: string): string {
  return etag.startsWith('W/') ? etag.slice(2) : etag;
}
