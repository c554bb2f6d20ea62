import { type ImageFormat, imageFormatPattern } from '../terms.js';

/** The names of numbered and dated stills. Their alphabetical order is chronological. Pure. */

/** The parts of a name. */
export interface StillName {
  readonly format: ImageFormat;
  /** Milliseconds since the epoch; undefined for a number. */
  readonly capturedAt?: number;
  readonly number?: number;
}

/** `20270115T080000.123Z.jpg`. */
export function datedStill(capturedAt: number, format: ImageFormat): string {
  return `${new Date(capturedAt).toISOString().replace(/[:-]/g, '')}.${format}`;
}

/** `0000000042.jpg`. */
export function numberedStill(number: number, format: ImageFormat): string {
  return `${String(number).padStart(10, '0')}.${format}`;
}

const dated = new RegExp(`^(\\d{4})(\\d\\d)(\\d\\d)T(\\d\\d)(\\d\\d)(\\d\\d)\\.(\\d{3})Z\\.(${imageFormatPattern})$`);
const numbered = new RegExp(`^(\\d{10})\\.(${imageFormatPattern})$`);

/** Undefined for a name of neither form. */
export function parseStill(file: string): StillName | undefined {
  const [, digits, ending] = numbered.exec(file) ?? [];
  if (digits !== undefined) return { format: ending as ImageFormat, number: Number(digits) };
  const parts = dated.exec(file);
  if (parts === null) return undefined;
  const [, year, month, day, hour, minute, second, ms, format] = parts;
  const capturedAt = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`);
  // Rejects dates such as 31 February.
  const isReal = !Number.isNaN(capturedAt) && datedStill(capturedAt, format as ImageFormat) === file;
  return isReal ? { format: format as ImageFormat, capturedAt } : undefined;
}
