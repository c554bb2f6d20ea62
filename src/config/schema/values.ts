import { z } from 'zod';

/** Value types that several parts of the schema share. */

/** Environment variables are strings, so a string of digits becomes a number. No other string does. */
export const numeric = <Inner extends z.ZodType>(inner: Inner) =>
  z.preprocess(
    (value: number | string) => (typeof value === 'string' && /^[+-]?[\d.]+$/.test(value) ? Number(value) : value),
    inner,
  );
export const port = numeric(z.number().int().min(0).max(65535));
export const seconds = numeric(z.number().positive().max(86_400));
/** Environment variables are strings, so `'true'` and `'false'` become booleans. */
export const flag = z.union(
  [z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')],
  'expected true or false',
);
/** Serialized as it is sent, without trailing slashes. A host name with non-ASCII letters cannot be sent in a header. */
export const httpUrl = z
  .url({ protocol: /^https?$/, error: 'expected an http or https URL' })
  .refine(
    (text) => {
      if (!URL.canParse(text)) return true;
      const { username, password, search, hash } = new URL(text);
      return [username, password, search, hash].every((part) => part === '');
    },
    { error: 'expected a URL without user, password, query and fragment, because paths are appended to it' },
  )
  .transform((url) => new URL(url).href.replace(/\/+$/, ''));
/** Only complete notations: parsers that accept `10/8` or `010.0.0.0/8` read them as 0.0.0.0/8 and 8.0.0.0/8. */
export const network = z.union(
  [z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()],
  'expected an address or a network such as 10.0.0.0/8',
);
