import { z } from 'zod';
import { numeric } from './values.js';

/** The name of the source's own video beside encoded renditions. */
const SOURCE = 'source';

export const rendition = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'expected lower-case letters, digits and hyphens')
    .default('encoded')
    .describe("The rendition's part of the URL; each has another. At most eight."),
  height: numeric(z.number().int().min(64).max(4320))
    .default(720)
    .describe('Height in pixels. Never more than the source has.'),
  bitrate: numeric(z.number().int().min(50_000).max(200_000_000)).default(2_500_000).describe('Video bits a second.'),
  fps: numeric(z.number().positive().max(240))
    .optional()
    .describe("Frames a second. Unset: each of the source's pictures, when it was taken."),
  encoder: z
    .enum(['software', 'libx264', 'auto', 'nvenc', 'qsv', 'vaapi', 'videotoolbox', 'v4l2m2m'])
    .default('software')
    .describe(
      '`software` (libx264), `auto`, or `nvenc`, `qsv`, `vaapi`, `videotoolbox`, `v4l2m2m`. Hardware is tried ' +
        'first; libx264 stands in for what does not work.',
    ),
  preset: z
    .enum(['ultrafast', 'superfast', 'veryfast', 'faster', 'fast', 'medium'])
    .default('veryfast')
    .describe('libx264: CPU against quality.'),
});

interface Named {
  readonly video?: 'copy' | undefined;
  readonly renditions?: readonly { readonly name: string }[] | undefined;
}

/** Renditions of one stream that have the same name, which is their part of the URL. */
export function noDoubles({ video, renditions = [] }: Named): { path: (string | number)[]; message: string }[] {
  const seen = new Set<string>(video === undefined ? [] : [SOURCE]);
  return renditions.flatMap(({ name }, index) => {
    const isDouble = seen.has(name);
    seen.add(name);
    if (!isDouble) return [];
    const first = name === SOURCE && video !== undefined ? "the source's own video (video: copy) has that name" : '';
    return [{ path: ['renditions', index, 'name'], message: first || `a second rendition named ${name}` }];
  });
}
