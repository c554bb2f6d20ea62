import { z } from 'zod';
import { numeric } from './values.js';

/** The name of the copied source video when it is served alongside encoded renditions. */
const SOURCE = 'source';

export const rendition = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'expected lowercase letters, digits and hyphens')
    .default('encoded')
    .describe('Name of the rendition in its URL, unique within the stream. A stream has at most eight renditions.'),
  height: numeric(z.number().int().min(64).max(4320))
    .default(720)
    .describe('Height in pixels. Never more than the height of the source.'),
  bitrate: numeric(z.number().int().min(50_000).max(200_000_000))
    .default(2_500_000)
    .describe('Video bitrate in bits per second.'),
  fps: numeric(z.number().positive().max(240))
    .optional()
    .describe('Frame rate. Unset: every frame of the source, with its own timestamp.'),
  encoder: z
    .enum(['software', 'libx264', 'auto', 'nvenc', 'qsv', 'vaapi', 'videotoolbox', 'v4l2m2m'])
    .default('software')
    .describe(
      '`software` (libx264), `auto`, or `nvenc`, `qsv`, `vaapi`, `videotoolbox`, `v4l2m2m`. Hardware encoders are ' +
        'tested first; libx264 replaces one that does not work.',
    ),
  preset: z
    .enum(['ultrafast', 'superfast', 'veryfast', 'faster', 'fast', 'medium'])
    .default('veryfast')
    .describe('Preset of libx264: speed/quality trade-off.'),
});

interface Named {
  readonly video?: 'copy' | undefined;
  readonly renditions?: readonly { readonly name: string }[] | undefined;
}

/** Duplicate rendition names within one stream. The name is part of the URL, so it must be unique. */
export function noDoubles({ video, renditions = [] }: Named): { path: (string | number)[]; message: string }[] {
  const seen = new Set<string>(video === undefined ? [] : [SOURCE]);
  return renditions.flatMap(({ name }, index) => {
    const isDouble = seen.has(name);
    seen.add(name);
    if (!isDouble) return [];
    const first = name === SOURCE && video !== undefined ? 'reserved for the copied source video (video: copy)' : '';
    return [{ path: ['renditions', index, 'name'], message: first || `duplicate rendition name "${name}"` }];
  });
}
