import { z } from 'zod';

/** Kinds of values that more than one part of the schema has. */

/** Environment variables are text: digits there are a number. Nothing else is turned into one. */
export const numeric = <Inner extends z.ZodType>(inner: Inner) =>
  z.preprocess(
    (value: number | string) => (typeof value === 'string' && /^[+-]?[\d.]+$/.test(value) ? Number(value) : value),
    inner,
  );
export const port = numeric(z.number().int().min(0).max(65535));
export const seconds = numeric(z.number().positive().max(86_400));
/** Environment variables are text: `true` and `false` there mean what they say. */
export const flag = z.union(
  [z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')],
  'expected true or false',
);
/** Without slashes at its end, as it goes over the wire: a host name of other letters than ASCII could stand in no header. */
export const httpUrl = z
  .url({ protocol: /^https?$/, error: 'expected an http or https URL' })
  .refine(
    (text) => {
      if (!URL.canParse(text)) return true;
      const { username, password, search, hash } = new URL(text);
      return [username, password, search, hash].every((part) => part === '');
    },
    { error: 'expected a URL without user, password, query and fragment: paths are put behind it' },
  )
  .transform((url) => new URL(url).href.replace(/\/+$/, ''));
/** Written out: what takes `10/8` or `010.0.0.0/8` takes them for 0.0.0.0/8 and 8.0.0.0/8. */
export const network = z.union(
  [z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()],
  'expected an address or a network such as 10.0.0.0/8',
);
