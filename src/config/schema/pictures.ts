import { z } from 'zod';
import { imageFormats } from '../../terms.js';
import { flag, numeric, seconds } from './values.js';

/** What a stream's pictures can be told. */

const pixels = numeric(z.number().int().min(16).max(7680));
const quality = numeric(z.number().int().min(1).max(100));

/** What counts where nothing is set; each follows the others where these are set: `derived.ts`. */
export const thumbnailDefaults = { intervalSeconds: 5, staleAfterSeconds: 20, offlineAfterSeconds: 300 } as const;

/** An age of a picture: more than the shortest interval. */
const age = numeric(z.number().min(0.2).max(86_400));

/** A further form of the thumbnail. One side alone keeps the proportions. */
const size = z.strictObject({
  /** Shorter than a content hash, so that the two never meet. */
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,15}$/, 'expected lower-case letters, digits and hyphens, at most 16')
    .optional()
    .describe("The size's part of the URL, `thumbnail-{name}.jpg`. Unset: its width."),
  width: pixels.describe('Width of the box; needed.'),
  height: pixels.optional().describe("Height of the box. Unset: by the picture's proportions."),
  fit: z
    .enum(['inside', 'cover'])
    .default('inside')
    .describe('`inside`: the whole picture within the box. `cover`: cropped to the box.'),
});

const gate = z.strictObject({
  black: flag.default(true).describe('Whether black frames are told apart and held back.'),
  flat: flag.default(true).describe('Whether frames of one shade are told apart and held back.'),
  frozen: flag.default(true).describe('Whether a picture that does not change is told.'),
  holdSeconds: numeric(z.number().min(0).max(3600))
    .optional()
    .describe(
      'How long a good picture is kept in place of black or flat ones. Unset: 10 s, or less where it would go ' +
        'stale.',
    ),
  frozenAfterSeconds: seconds
    .default(60)
    .describe('How long nothing may change, not even noise, before the stream is called frozen.'),
  alarmAfterSeconds: numeric(z.number().min(0).max(86_400))
    .default(10)
    .describe('How long a stream must be black or flat before that is its state.'),
});

/** Stills that stay on the store. */
const sequence = z.strictObject({
  mode: z
    .enum(['latest', 'sequential', 'both'])
    .default('latest')
    .describe(
      '`latest`: the store holds the newest picture. `sequential`: a sequence of stills instead. `both`. Stills ' +
        'need a store.',
    ),
  name: z
    .enum(['date', 'number'])
    .default('date')
    .describe(
      'How stills are named: `date` (`stills/20270115T080000.123Z.jpg`) or `number` (`stills/0000000042.jpg`).',
    ),
  intervalSeconds: numeric(z.number().min(0.1).max(86_400))
    .optional()
    .describe('The least time from one still to the next. Unset: every picture that differs from the one before.'),
  keepCount: numeric(z.number().int().min(1).max(100_000)).default(1000).describe('So many stills stay on the store.'),
  keepSeconds: numeric(
    z
      .number()
      .min(1)
      .max(366 * 86_400),
  )
    .default(86_400)
    .describe('Stills that are older are removed.'),
});

export const thumbnail = z
  .strictObject({
    intervalSeconds: numeric(z.number().min(0.1).max(3600))
      .default(thumbnailDefaults.intervalSeconds)
      .describe(
        'Time from picture to picture. Unset: as shown, or a third of `staleAfterSeconds` or `offlineAfterSeconds` where ' +
          'that is not more.',
      ),
    width: pixels.default(1280).describe('The picture fits into width × height and is never enlarged.'),
    height: pixels
      .optional()
      .meta({ description: 'Height of the box that the picture fits into.', unset: '9/16 of the width' }),
    quality: quality.default(80).describe('Quality of the encoded picture.'),
    formats: z
      .array(z.enum(imageFormats))
      .nonempty()
      .default(['jpg'])
      .describe('One or more; the first is encoded from every frame. See [pictures](pictures.md#forms).'),
    widths: z
      .array(pixels)
      .max(16)
      .optional()
      .describe('Further sizes by width: `?width=` and `thumbnail-{width}.jpg`. See [pictures](pictures.md).'),
    sizes: z
      .array(size)
      .max(16)
      .optional()
      .describe('Further forms of the picture. One side alone keeps the proportions.'),
    staleAfterSeconds: age
      .default(thumbnailDefaults.staleAfterSeconds)
      .describe(
        'Older pictures are marked stale. Must be more than the interval. Unset: 3 × `intervalSeconds`, at least 20 s and ' +
          '`gate.holdSeconds` + 2 × `intervalSeconds`, and never more than `offlineAfterSeconds`.',
      ),
    offlineAfterSeconds: age
      .default(thumbnailDefaults.offlineAfterSeconds)
      .describe(
        'Older pictures are replaced by the offline picture. Unset: 2 × `staleAfterSeconds`, at least 300 s and at most a day.',
      ),
    offline: z
      .string()
      .min(1)
      .default('image')
      .describe('The offline picture: `image` (drawn by the node), or the path of a picture file, read once at start.'),
    bestOf: numeric(z.number().int().min(1).max(5))
      .default(1)
      .describe('Of so many frames an interval the sharpest becomes the picture.'),
    decode: z
      .enum(['auto', 'keyframes', 'references'])
      .default('auto')
      .describe(
        'Copied video: `keyframes`, `references` (all that others refer to: fresh whatever the source does, about ' +
          'ten times the work), or `auto`: the cheaper one with which a thumbnail is at most the interval and a second ' +
          'old, by what the source shows at first ([pictures](pictures.md#how-fresh)).',
      ),
    deblock: z
      .enum(['auto', 'always', 'never'])
      .default('auto')
      .describe(
        'Copied video, keyframes alone: whether block edges are smoothed before the picture is made smaller, ' +
          'which costs more decoding: `always`, `never`, or `auto`: where `width` is over 640.',
      ),
    gate: gate.prefault({}).describe('Which frames are not shown, and when that is told.'),
    sequence: sequence.prefault({}).describe('Stills that stay on the store.'),
  })
  .superRefine((value, context) => {
    const wrong = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message });
    const { intervalSeconds, staleAfterSeconds, offlineAfterSeconds } = value;
    if (staleAfterSeconds <= intervalSeconds) {
      wrong(['staleAfterSeconds'], `must be more than intervalSeconds (${intervalSeconds})`);
    }
    // Before the other: staleAfterSeconds may have been derived, and nobody would know it.
    if (offlineAfterSeconds <= intervalSeconds) {
      wrong(['offlineAfterSeconds'], `must be more than intervalSeconds (${intervalSeconds})`);
    } else if (offlineAfterSeconds < staleAfterSeconds) {
      wrong(['offlineAfterSeconds'], `must not be less than staleAfterSeconds (${staleAfterSeconds})`);
    }
    const { holdSeconds } = value.gate;
    const longestHold = Math.max(0, staleAfterSeconds - 2 * intervalSeconds);
    // Added, not subtracted: what `derived.ts` adds up must pass whatever the rounding.
    if (holdSeconds !== undefined && holdSeconds + 2 * intervalSeconds > staleAfterSeconds) {
      wrong(
        ['gate', 'holdSeconds'],
        `must be at most ${longestHold}, or the picture held would go stale: staleAfterSeconds (${staleAfterSeconds}, ` +
          `at most offlineAfterSeconds, ${offlineAfterSeconds}) - 2 × intervalSeconds (${intervalSeconds})`,
      );
    }
    const names = new Set<string>();
    const named = (path: (string | number)[], name: string) => {
      if (names.has(name)) wrong(path, `a second size named ${name}`);
      names.add(name);
    };
    for (const [index, width] of (value.widths ?? []).entries()) named(['widths', index], String(width));
    for (const [index, { name, width }] of (value.sizes ?? []).entries()) {
      named(['sizes', index], name ?? String(width));
    }
  });

/** The animated picture. */
export const preview = z.strictObject({
  frames: numeric(z.number().int().min(1).max(30)).default(8).describe('How many frames the animated picture has.'),
  width: numeric(z.number().int().min(16).max(1280)).default(480).describe('Width of the animated picture.'),
  format: z
    .enum(['webp', 'gif'])
    .default('webp')
    .describe('`webp` or `gif`: the one that is uploaded and named in the API. The node serves both.'),
  quality: quality.default(60).describe('Quality of its frames. GIF has none.'),
  frameSeconds: numeric(z.number().min(0.02).max(10)).default(0.5).describe('How long each frame is shown.'),
  upload: flag.default(true).describe('Whether it is uploaded where pictures are. `false`: only made when asked for.'),
});

/** The small pictures that players show over their seek bars. */
export const storyboard = z.strictObject({
  width: numeric(z.number().int().min(16).max(480)).default(160).describe('Width of one small picture.'),
  columns: numeric(z.number().int().min(1).max(10)).default(5).describe('Pictures side by side in a sheet.'),
  rows: numeric(z.number().int().min(1).max(10)).default(5).describe('Rows of a sheet.'),
  quality: quality.default(60).describe('Quality of the sheets.'),
  intervalSeconds: seconds.default(5).describe('The least time from one small picture to the next.'),
  upload: flag.default(true).describe('Whether it is uploaded where pictures are. `false`: only made when asked for.'),
});
