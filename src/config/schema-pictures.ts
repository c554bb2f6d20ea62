import { z } from 'zod';
import { flag, numeric, seconds } from './schema-values.js';

/** What a stream's pictures can be told. */

const pixels = numeric(z.number().int().min(16).max(7680));
const quality = numeric(z.number().int().min(1).max(100));

/** A further form of the thumbnail. One side alone keeps the proportions. */
const size = z.strictObject({
  /** Its part of the URL, `thumbnail-{name}.jpg`. Shorter than a content hash, so that the two never meet. */
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,15}$/, 'expected lower-case letters, digits and hyphens, at most 16')
    .optional(),
  width: pixels,
  height: pixels.optional(),
  /** `inside` keeps the whole picture, `cover` crops it to the box. */
  fit: z.enum(['inside', 'cover']).default('inside'),
});

const gate = z.strictObject({
  black: flag.default(true),
  flat: flag.default(true),
  frozen: flag.default(true),
  /** How long a black or flat frame does not replace a good one. */
  holdSeconds: numeric(z.number().min(0).max(3600)).optional(),
  frozenAfterSeconds: seconds.default(60),
  alarmAfterSeconds: numeric(z.number().min(0).max(86_400)).default(10),
});

/** Stills that stay on the store. */
const sequence = z.strictObject({
  /** `latest`: the newest picture alone. `sequential`: stills alone. */
  mode: z.enum(['latest', 'sequential', 'both']).default('latest'),
  name: z.enum(['date', 'number']).default('date'),
  /** The least time from one still to the next. Unset: every picture. */
  intervalSeconds: numeric(z.number().min(0.1).max(86_400)).optional(),
  keepCount: numeric(z.number().int().min(1).max(100_000)).default(1000),
  keepSeconds: numeric(
    z
      .number()
      .min(1)
      .max(366 * 86_400),
  ).default(86_400),
});

export const thumbnail = z
  .strictObject({
    intervalSeconds: numeric(z.number().min(0.1).max(3600)).default(5),
    /** The picture fits into width × height; it is never enlarged. Height defaults to 9/16 of the width. */
    width: pixels.default(1280),
    height: pixels.optional(),
    quality: quality.default(80),
    formats: z
      .array(z.enum(['jpg', 'webp', 'avif', 'png']))
      .nonempty()
      .default(['jpg']),
    /** Sizes by their width alone: `?width=` and `thumbnail-{width}.jpg`. */
    widths: z.array(pixels).max(16).optional(),
    sizes: z.array(size).max(16).optional(),
    staleAfterSeconds: seconds.default(20),
    /** How long the last good picture is served as stale before the offline picture takes its place. */
    offlineAfterSeconds: seconds.default(300),
    /** `image`: drawn by the node. Else the path of a picture file. */
    offline: z.string().min(1).default('image'),
    /** Of so many frames in an interval the sharpest becomes the picture. */
    bestOf: numeric(z.number().int().min(1).max(5)).default(1),
    /** Which pictures of a copied stream are decoded. `auto`: the cheapest that keeps to the interval. */
    decode: z.enum(['auto', 'keyframes', 'references']).default('auto'),
    /** Whether keyframes decoded for pictures alone have their block edges smoothed. `auto`: where pictures are over 640 wide. */
    deblock: z.enum(['auto', 'always', 'never']).default('auto'),
    gate: gate.prefault({}),
    sequence: sequence.prefault({}),
  })
  .superRefine((value, context) => {
    const wrong = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message });
    if (value.staleAfterSeconds <= value.intervalSeconds) {
      wrong(['staleAfterSeconds'], 'must be more than intervalSeconds');
    }
    if (value.offlineAfterSeconds < value.staleAfterSeconds) {
      wrong(['offlineAfterSeconds'], 'must not be less than staleAfterSeconds');
    }
    const { holdSeconds } = value.gate;
    const longestHold = Math.max(0, value.staleAfterSeconds - 2 * value.intervalSeconds);
    if (holdSeconds !== undefined && holdSeconds > longestHold) {
      wrong(
        ['gate', 'holdSeconds'],
        `must be at most staleAfterSeconds - 2 × intervalSeconds (${longestHold}): the picture held would go stale`,
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
  frames: numeric(z.number().int().min(1).max(30)).default(8),
  width: numeric(z.number().int().min(16).max(1280)).default(480),
  format: z.enum(['webp', 'gif']).default('webp'),
  quality: quality.default(60),
  /** How long each frame is shown. */
  frameSeconds: numeric(z.number().min(0.02).max(10)).default(0.5),
  /** Whether it is uploaded where pictures are. */
  upload: flag.default(true),
});

/** The small pictures that players show over their seek bars. */
export const storyboard = z.strictObject({
  width: numeric(z.number().int().min(16).max(480)).default(160),
  columns: numeric(z.number().int().min(1).max(10)).default(5),
  rows: numeric(z.number().int().min(1).max(10)).default(5),
  quality: quality.default(60),
  /** The least time from one picture to the next. */
  intervalSeconds: seconds.default(5),
  upload: flag.default(true),
});
