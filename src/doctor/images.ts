import type { Config } from '../config/schema/schema.js';
import { messageOf } from '../errors.js';
import type { Check, CheckResult } from './check.js';

type Format = Config['streams'][number]['thumbnail']['formats'][number];

/** Whether sharp's native library loads on this machine, and encodes each format that a stream uses. */
export function imageChecks({ streams }: Pick<Config, 'streams'>): Check {
  const formats = new Set<Format>(['jpg', ...streams.flatMap(({ thumbnail }) => thumbnail.formats)]);
  return {
    area: 'images',
    async run() {
      let sharp: typeof import('sharp').default;
      try {
        // Imported here, so that a machine without it gets this table instead of a stack trace at startup.
        ({ default: sharp } = await import('sharp'));
      } catch (error) {
        const remedy =
          'Reinstall it on this machine: npm install --include=optional sharp (its native library differs per platform).';
        return [{ area: 'images', check: 'sharp loads', ok: false, detail: messageOf(error), remedy }];
      }
      const loaded = { area: 'images', check: 'sharp loads', ok: true, detail: `libvips ${sharp.versions.vips}` };
      return [loaded, ...(await Promise.all([...formats].map((format) => tryFormat(sharp, format))))];
    },
  };
}

async function tryFormat(sharp: typeof import('sharp').default, format: Format): Promise<CheckResult> {
  const check = `encodes ${format}`;
  const [width, height] = [64, 36];
  try {
    const frame = Buffer.alloc(width * height * 3, 128);
    const image = await sharp(frame, { raw: { width, height, channels: 3 } })
      .toFormat(format === 'jpg' ? 'jpeg' : format)
      .toBuffer();
    const read = await sharp(image).metadata();
    if (read.width !== width || read.height !== height) throw new Error('the decoded image has another size');
    return { area: 'images', check, ok: true, detail: `${width}×${height} in ${image.length} bytes` };
  } catch (error) {
    const remedy = `Remove ${format} from thumbnail.formats, or install sharp from npm instead of a custom build.`;
    return { area: 'images', check, ok: false, detail: messageOf(error), remedy };
  }
}
