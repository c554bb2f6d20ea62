import { z } from 'zod';
import { flag, numeric } from './values.js';

/** The low-latency monitor view. `true` or `false` is enough; setting any of its options also enables it. */

const isWord = (value: unknown): boolean => typeof value === 'boolean' || value === 'true' || value === 'false';
const isMapping = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const settings = z.strictObject(
  {
    enabled: flag
      .default(false)
      .describe(
        'Low-latency video at `/live/{stream}/monitor`, for JSMpeg players. See [monitor](monitor.md). ' +
          '`monitor: true` enables it, and so does any of its other settings. While it is enabled, every frame of the ' +
          'source is decoded.',
      ),
    width: numeric(z.number().int().min(160).max(1920).multipleOf(2, 'expected an even number'))
      .default(640)
      .describe('Width of the monitor video. The height is 9/16 of the width.'),
    fps: numeric(z.number().min(1).max(30)).default(30).describe('Approximate maximum frame rate.'),
    bitrate: numeric(z.number().int().min(100_000).max(20_000_000))
      .default(1_500_000)
      .describe('Bitrate in bits per second, at the frame rate `fps`.'),
    viewers: numeric(z.number().int().min(1).max(1000)).default(20).describe('Maximum number of concurrent viewers.'),
    origins: z
      .array(
        z.union(
          [z.literal('*'), z.url({ protocol: /^https?$/ })],
          'expected * or an origin such as https://example.org',
        ),
      )
      .optional()
      .describe(
        'Sites whose pages may show the monitor, in addition to the node itself and `http.publicUrl`: ' +
          '`https://example.org`, or `*` for all.',
      ),
  },
  'expected true, false or a mapping (name: value)',
);

export const monitor = z.preprocess((value: unknown) => {
  if (isWord(value)) return { enabled: value };
  return isMapping(value) ? { enabled: true, ...value } : value;
}, settings);
