import { z } from 'zod';
import { flag, numeric } from './values.js';

/** The picture with little delay. Also `true` or `false` alone; who sets anything of it wants it. */

const isWord = (value: unknown): boolean => typeof value === 'boolean' || value === 'true' || value === 'false';
const isMapping = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const settings = z.strictObject(
  {
    enabled: flag
      .default(false)
      .describe(
        'The picture with little delay at `/live/{stream}/monitor`, for JSMpeg players. See [monitor](monitor.md). ' +
          '`monitor: true` alone is enough; so is any of the settings beside it. Every picture of the source is decoded ' +
          'then.',
      ),
    width: numeric(z.number().int().min(160).max(1920).multipleOf(2, 'expected an even number'))
      .default(640)
      .describe('Width of its picture; the height is 9/16 of it.'),
    fps: numeric(z.number().min(1).max(30)).default(30).describe('About so many pictures a second at most.'),
    bitrate: numeric(z.number().int().min(100_000).max(20_000_000))
      .default(1_500_000)
      .describe('Bits per second at so many pictures.'),
    viewers: numeric(z.number().int().min(1).max(1000)).default(20).describe('How many may look on at a time.'),
    origins: z
      .array(
        z.union(
          [z.literal('*'), z.url({ protocol: /^https?$/ })],
          'expected * or an origin such as https://example.org',
        ),
      )
      .optional()
      .describe(
        "Sites whose pages may show it beside the node's own and `http.publicUrl`: `https://example.org`, or `*` " +
          'for all.',
      ),
  },
  'expected true, false or a mapping (name: value)',
);

export const monitor = z.preprocess((value: unknown) => {
  if (isWord(value)) return { enabled: value };
  return isMapping(value) ? { enabled: true, ...value } : value;
}, settings);
