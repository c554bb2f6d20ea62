import { z } from 'zod';

/** An integer in a query, where all values are strings. */
export function wholeNumber(least: number, most: number) {
  return z.preprocess(
    (value: string) => (/^\d{1,9}$/.test(value) ? Number(value) : value),
    z.number().int().min(least).max(most),
  );
}
