/** Byte ranges (RFC 9110 section 14). Pure. */

/** `whole`: no range requested, or an ignored one. `part`: `first` and `last` are inclusive offsets. */
export type RangeAnswer =
  | { readonly kind: 'whole' }
  | { readonly kind: 'part'; readonly first: number; readonly last: number }
  | { readonly kind: 'unsatisfiable' };

const whole: RangeAnswer = { kind: 'whole' };
const unsatisfiable: RangeAnswer = { kind: 'unsatisfiable' };
const singleRange = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i;

/**
 * The range to return for a `Range` value and a body of `length` bytes. Other units, multiple ranges and malformed values are
 * ignored, as the RFC allows: the whole body is always a valid response.
 */
export function answerRange(value: string | undefined, length: number): RangeAnswer {
  const [, start, end] = (value !== undefined && singleRange.exec(value)) || [];
  if (start === undefined || end === undefined) return whole;
  if (start === '') return end === '' ? whole : suffix(Number(end), length);
  const first = Number(start);
  const last = end === '' ? length - 1 : Math.min(Number(end), length - 1);
  if (end !== '' && Number(end) < first) return whole;
  return first >= length ? unsatisfiable : { kind: 'part', first, last };
}

function suffix(count: number, length: number): RangeAnswer {
  if (count === 0 || length === 0) return unsatisfiable;
  return { kind: 'part', first: Math.max(0, length - count), last: length - 1 };
}
