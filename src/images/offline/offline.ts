import sharp from 'sharp';
import type { ImageFormat } from '../../terms.js';
import { encode } from '../encode.js';
import type { EncodedImage } from '../picture.js';
import { capitalHeight, lineWidth, strokeLine } from './strokes.js';

const background = '#15181c';

export interface OfflineOptions {
  /** The stream's name. */
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly format: ImageFormat;
  readonly quality: number;
  /** The last good thumbnail, shown dimmed behind the text. */
  readonly lastPicture?: { readonly body: Uint8Array; readonly capturedAt: number } | undefined;
  /** An image file that is shown unchanged instead. */
  readonly file?: Uint8Array | undefined;
}

/**
 * The image of a stream without a current thumbnail: its name, OFFLINE, and the time of its last thumbnail. Needs no installed fonts.
 * Throws `image-failed` (retryable).
 */
export async function drawOffline(options: OfflineOptions): Promise<EncodedImage> {
  const { width, height, format, quality, lastPicture, file } = options;
  if (file !== undefined) {
    const fitted = () => sharp(file).rotate().resize({ width, height, fit: 'contain', background });
    return encode(() => fitted().flatten({ background }), format, quality);
  }
  const words = Buffer.from(wordsSvg(options));
  if (lastPicture !== undefined) {
    try {
      const picture = () => sharp(lastPicture.body).resize({ width, height, fit: 'cover' });
      return await encode(
        () =>
          picture()
            .composite([{ input: words }])
            .removeAlpha(),
        format,
        quality,
      );
    } catch {
      // If the last thumbnail cannot be decoded, the plain image below is used.
    }
  }
  return encode(() => sharp(words).flatten({ background }), format, quality);
}

interface Line {
  readonly text: string;
  /** Grid units of this line in units of the headline. */
  readonly size: number;
}

/** The text of the offline image, top to bottom. */
export function offlineLines(name: string, lastCapturedAt: number | undefined): readonly Line[] {
  const names = wrapName(name).map((text) => ({ text, size: 0.7 }));
  const headline = { text: 'OFFLINE', size: 1 };
  if (lastCapturedAt === undefined) return [...names, headline, { text: 'no image yet', size: 0.45 }];
  const time = new Date(lastCapturedAt).toISOString();
  return [
    ...names,
    headline,
    { text: `last image ${time.slice(11, 19)} UTC`, size: 0.45 },
    { text: time.slice(0, 10), size: 0.45 },
  ];
}

/** Lines of at most 24 characters, broken after a hyphen if possible. */
function wrapName(name: string): string[] {
  const limit = 24;
  const lines: string[] = [];
  let rest = name;
  while (rest.length > limit) {
    const hyphen = rest.lastIndexOf('-', limit - 1);
    const end = hyphen > 0 ? hyphen + 1 : limit;
    lines.push(rest.slice(0, end));
    rest = rest.slice(end);
  }
  return [...lines, rest];
}

function wordsSvg({ name, width, height, lastPicture }: OfflineOptions): string {
  const lines = offlineLines(name, lastPicture?.capturedAt);
  const lineHeight = (line: Line) => line.size * (capitalHeight + 5);
  const widest = Math.max(...lines.map((line) => lineWidth(line.text) * line.size));
  const tallest = lines.reduce((sum, line) => sum + lineHeight(line), 0);
  // As large as the box allows, but with a headline no higher than a tenth of the image.
  const unit = Math.min((width * 0.9) / widest, (height * 0.9) / tallest, height / 12 / capitalHeight);
  let top = (height - (tallest - 5 * (lines.at(-1)?.size ?? 0)) * unit) / 2;
  const drawn = lines.map((line) => {
    const lineUnit = unit * line.size;
    const left = (width - lineWidth(line.text) * lineUnit) / 2;
    const path = strokeLine({ text: line.text, left, top, unit: lineUnit });
    top += lineHeight(line) * unit;
    return path;
  });
  const stroke = 'fill="none" stroke-linecap="round" stroke-linejoin="round"';
  const words = drawn.join('');
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">` +
    // The shade is in the overlay because sharp composites before it changes brightness.
    `<rect width="100%" height="100%" fill="${background}" fill-opacity=".72"/>` +
    `<g ${stroke} stroke="#000" stroke-opacity=".7" stroke-width="2">${words}</g>` +
    `<g ${stroke} stroke="#fff" stroke-width=".85">${words}</g></svg>`
  );
}
