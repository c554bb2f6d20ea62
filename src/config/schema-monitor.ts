import { z } from 'zod';
import { flag, numeric } from './schema-values.js';

/** The picture with little delay. Also `true` or `false` alone; who sets anything of it wants it. */

const isWord = (value: unknown): boolean => typeof value === 'boolean' || value === 'true' || value === 'false';
const isMapping = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const settings = z.strictObject(
  {
    enabled: flag.default(false),
    /** Every picture is fitted into width × 9/16 of it, with black beside. */
    width: numeric(z.number().int().min(160).max(1920).multipleOf(2, 'expected an even number')).default(640),
    /** About this many pictures a second at most. */
    fps: numeric(z.number().min(1).max(30)).default(30),
    /** Bits per second, when there are as many pictures as `fps` says. */
    bitrate: numeric(z.number().int().min(100_000).max(20_000_000)).default(1_500_000),
    /** How many may look on at a time. */
    viewers: numeric(z.number().int().min(1).max(1000)).default(20),
    /** Sites whose pages may show it beside the node's own; `*`: all. */
    origins: z
      .array(
        z.union(
          [z.literal('*'), z.url({ protocol: /^https?$/ })],
          'expected * or an origin such as https://example.org',
        ),
      )
      .optional(),
  },
  'expected true, false or a mapping (name: value)',
);

export const monitor = z.preprocess((value: unknown) => {
  if (isWord(value)) return { enabled: value };
  return isMapping(value) ? { enabled: true, ...value } : value;
}, settings);
