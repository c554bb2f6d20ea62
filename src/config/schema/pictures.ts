import { z } from 'zod';
import { imageFormats } from '../../terms.js';
import { flag, numeric, seconds } from './values.js';

/** Settings of a stream's thumbnail, preview and storyboard. */

const pixels = numeric(z.number().int().min(16).max(7680));
const quality = numeric(z.number().int().min(1).max(100));

/** Used when none of them is set. If one is set, the others follow it: see `derived.ts`. */
export const thumbnailDefaults = { intervalSeconds: 5, staleAfterSeconds: 20, offlineAfterSeconds: 300 } as const;

/** An age of a thumbnail: more than the shortest interval. */
const age = numeric(z.number().min(0.2).max(86_400));

/** An additional size of the thumbnail. With only one side set, the aspect ratio is kept. */
const size = z.strictObject({
  /** Shorter than a content hash, so that the two cannot collide. */
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,15}$/, 'expected lowercase letters, digits and hyphens, at most 16')
    .optional()
    .describe('Name of the size in its URL, `thumbnail-{name}.jpg`. Unset: its width.'),
  width: pixels.describe('Required. Width of the box.'),
  height: pixels.optional().describe("Height of the box. Unset: follows from the video's aspect ratio."),
  fit: z
    .enum(['inside', 'cover'])
    .default('inside')
    .describe('`inside`: the whole image fits into the box. `cover`: the image is cropped to fill the box.'),
});

const gate = z.strictObject({
  black: flag.default(true).describe('Detects black frames and suppresses them.'),
  flat: flag.default(true).describe('Detects frames of a single shade and suppresses them.'),
  frozen: flag.default(true).describe('Detects frozen video.'),
  holdSeconds: numeric(z.number().min(0).max(3600))
    .optional()
    .describe(
      'How long a good thumbnail is kept while frames are black or flat. Unset: 10 s, or less if the thumbnail would ' +
        'become stale.',
    ),
  frozenAfterSeconds: seconds
    .default(60)
    .describe('How long the video must not change, not even by noise, before the stream counts as frozen.'),
  alarmAfterSeconds: numeric(z.number().min(0).max(86_400))
    .default(10)
    .describe('How long the video must be black or flat before the state of the stream changes to it.'),
});

/** Stills that are kept on the store. */
const sequence = z.strictObject({
  mode: z
    .enum(['latest', 'sequential', 'both'])
    .default('latest')
    .describe(
      '`latest`: the store has only the newest thumbnail. `sequential`: it has a sequence of stills instead. `both`: ' +
        'it has both. Stills require a store.',
    ),
  name: z
    .enum(['date', 'number'])
    .default('date')
    .describe('Names of stills: `date` (`stills/20270115T080000.123Z.jpg`) or `number` (`stills/0000000042.jpg`).'),
  intervalSeconds: numeric(z.number().min(0.1).max(86_400))
    .optional()
    .describe('Minimum time between two stills. Unset: every thumbnail that differs from the previous one is kept.'),
  keepCount: numeric(z.number().int().min(1).max(100_000))
    .default(1000)
    .describe('Maximum number of stills on the store.'),
  keepSeconds: numeric(
    z
      .number()
      .min(1)
      .max(366 * 86_400),
  )
    .default(86_400)
    .describe('Older stills are removed.'),
});

export const thumbnail = z
  .strictObject({
    intervalSeconds: numeric(z.number().min(0.1).max(3600))
      .default(thumbnailDefaults.intervalSeconds)
      .describe(
        'Time between two thumbnails. Unset: as shown, or if `staleAfterSeconds` or `offlineAfterSeconds` is set to no ' +
          'more than that, a third of the shorter one.',
      ),
    width: pixels
      .default(1280)
      .describe('Width of the box that the thumbnail fits into. Thumbnails are never enlarged.'),
    height: pixels
      .optional()
      .meta({ description: 'Height of the box that the thumbnail fits into.', unset: '9/16 of the width' }),
    quality: quality.default(80).describe('Encoding quality of the thumbnail.'),
    formats: z
      .array(z.enum(imageFormats))
      .nonempty()
      .default(['jpg'])
      .describe('One or more formats. The first is encoded from every frame. See [pictures](pictures.md#forms).'),
    widths: z
      .array(pixels)
      .max(16)
      .optional()
      .describe('Additional sizes by width: `?width=` and `thumbnail-{width}.jpg`. See [pictures](pictures.md).'),
    sizes: z
      .array(size)
      .max(16)
      .optional()
      .describe('Additional sizes of the thumbnail. With only one side set, the aspect ratio is kept.'),
    staleAfterSeconds: age
      .default(thumbnailDefaults.staleAfterSeconds)
      .describe(
        'Older thumbnails are marked stale. Must be more than the interval. Unset: 3 × `intervalSeconds`, at least 20 s and ' +
          '`gate.holdSeconds` + 2 × `intervalSeconds`, and never more than `offlineAfterSeconds`.',
      ),
    offlineAfterSeconds: age
      .default(thumbnailDefaults.offlineAfterSeconds)
      .describe(
        'Older thumbnails are replaced by the offline image. Unset: 2 × `staleAfterSeconds`, at least 300 s and at most a day.',
      ),
    offline: z
      .string()
      .min(1)
      .default('image')
      .describe('Offline image: `image` (drawn by the node) or the path of an image file that is read once at start.'),
    bestOf: numeric(z.number().int().min(1).max(5))
      .default(1)
      .describe('Number of frames captured per interval. The sharpest becomes the thumbnail.'),
    decode: z
      .enum(['auto', 'keyframes', 'references'])
      .default('auto')
      .describe(
        'What is decoded of copied video: `keyframes`; `references` (all reference frames: fresh thumbnails with every ' +
          'source, at about ten times the decoding cost); or `auto`: the cheaper one that keeps thumbnails at most one ' +
          'interval plus one second old, decided when the source starts ([pictures](pictures.md#how-fresh)).',
      ),
    deblock: z
      .enum(['auto', 'always', 'never'])
      .default('auto')
      .describe(
        'Deblocking before downscaling, for copied video of which only keyframes are decoded. It costs more decoding. ' +
          '`always`, `never`, or `auto`: only if `width` is over 640.',
      ),
    gate: gate.prefault({}).describe('Which frames are suppressed, and when that is reported.'),
    sequence: sequence.prefault({}).describe('Stills that are kept on the store.'),
  })
  .superRefine((value, context) => {
    const wrong = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message });
    const { intervalSeconds, staleAfterSeconds, offlineAfterSeconds } = value;
    if (staleAfterSeconds <= intervalSeconds) {
      wrong(['staleAfterSeconds'], `must be more than intervalSeconds (${intervalSeconds})`);
    }
    // Checked first: staleAfterSeconds may be derived, and an error must name only settings that the user wrote.
    if (offlineAfterSeconds <= intervalSeconds) {
      wrong(['offlineAfterSeconds'], `must be more than intervalSeconds (${intervalSeconds})`);
    } else if (offlineAfterSeconds < staleAfterSeconds) {
      wrong(['offlineAfterSeconds'], `must not be less than staleAfterSeconds (${staleAfterSeconds})`);
    }
    const { holdSeconds } = value.gate;
    const longestHold = Math.max(0, staleAfterSeconds - 2 * intervalSeconds);
    // Added, not subtracted: the sum from `derived.ts` must pass despite rounding.
    if (holdSeconds !== undefined && holdSeconds + 2 * intervalSeconds > staleAfterSeconds) {
      wrong(
        ['gate', 'holdSeconds'],
        `must be at most ${longestHold}, or the held thumbnail becomes stale: staleAfterSeconds (${staleAfterSeconds}, ` +
          `at most offlineAfterSeconds, ${offlineAfterSeconds}) - 2 × intervalSeconds (${intervalSeconds})`,
      );
    }
    const names = new Set<string>();
    const named = (path: (string | number)[], name: string) => {
      if (names.has(name)) wrong(path, `duplicate size name "${name}"`);
      names.add(name);
    };
    for (const [index, width] of (value.widths ?? []).entries()) named(['widths', index], String(width));
    for (const [index, { name, width }] of (value.sizes ?? []).entries()) {
      named(['sizes', index], name ?? String(width));
    }
  });

/** The animated preview. */
export const preview = z.strictObject({
  frames: numeric(z.number().int().min(1).max(30)).default(8).describe('Number of frames in the animation.'),
  width: numeric(z.number().int().min(16).max(1280)).default(480).describe('Width of the animation.'),
  format: z
    .enum(['webp', 'gif'])
    .default('webp')
    .describe('`webp` or `gif`: the format that is uploaded and named in the API. The node serves both.'),
  quality: quality.default(60).describe('Encoding quality of the frames. Not used for GIF.'),
  frameSeconds: numeric(z.number().min(0.02).max(10)).default(0.5).describe('How long each frame is shown.'),
  upload: flag
    .default(true)
    .describe('Uploads the preview to the store, with the thumbnails. `false`: it is only made on request.'),
});

/** The small images that players show above the seek bar. */
export const storyboard = z.strictObject({
  width: numeric(z.number().int().min(16).max(480)).default(160).describe('Width of one tile.'),
  columns: numeric(z.number().int().min(1).max(10)).default(5).describe('Columns of tiles in a sheet.'),
  rows: numeric(z.number().int().min(1).max(10)).default(5).describe('Rows of tiles in a sheet.'),
  quality: quality.default(60).describe('Encoding quality of the sheets.'),
  intervalSeconds: seconds.default(5).describe('Minimum time between two tiles.'),
  upload: flag
    .default(true)
    .describe('Uploads the sheets to the store, with the thumbnails. `false`: they are only made on request.'),
});
