import { z } from 'zod';

/** A whole number in a query, where everything is text. */
export function wholeNumber(least: number, most: number) {
  return z.preprocess(
    (value: string) => (/^\d{1,9}$/.test(value) ? Number(value) : value),
    z.number().int().min(least).max(most),
  );
}
