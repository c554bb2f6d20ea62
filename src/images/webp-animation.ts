/** Joins still WebP images to an animated one without encoding them again. Pure. */

export interface WebpFrame {
  /** A still image's data: its `VP8 ` or `VP8L` chunk. */
  readonly chunk: Uint8Array;
  readonly delayMs: number;
}

/** The image data of a still WebP file. Throws a RangeError if there is none. */
export function webpChunk(file: Uint8Array): Uint8Array {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const name = (at: number) => String.fromCharCode(...file.subarray(at, at + 4));
  if (file.byteLength < 20 || name(0) !== 'RIFF' || name(8) !== 'WEBP') throw new RangeError('not a WebP file');
  for (let at = 12; at + 8 <= file.byteLength; ) {
    const size = view.getUint32(at + 4, true);
    // Chunks start at even offsets.
    const end = at + 8 + size + (size % 2);
    if (end > file.byteLength) break;
    if (/^VP8[ L]$/.test(name(at))) return file.slice(at, end);
    at = end;
  }
  throw new RangeError('WebP file without image data');
}

/** An animated WebP of frames with the same size. It loops. */
export function webpAnimation(width: number, height: number, frames: readonly WebpFrame[]): Uint8Array {
  const bytes = 12 + 18 + 14 + frames.reduce((sum, { chunk }) => sum + 24 + chunk.byteLength, 0);
  const file = new Uint8Array(bytes);
  const view = new DataView(file.buffer);
  let at = 0;
  const text = (letters: string) => {
    for (const letter of letters) file[at++] = letter.charCodeAt(0);
  };
  const number = (value: number, size: 1 | 2 | 3 | 4) => {
    for (let byte = 0; byte < size; byte += 1) view.setUint8(at++, (value >>> (8 * byte)) & 0xff);
  };
  text('RIFF');
  number(bytes - 8, 4);
  text('WEBP');
  text('VP8X');
  number(10, 4);
  // Animation only: no alpha, no profile, no metadata.
  number(0b10, 4);
  number(width - 1, 3);
  number(height - 1, 3);
  text('ANIM');
  number(6, 4);
  // An opaque black background; loops forever.
  number(0xff000000, 4);
  number(0, 2);
  for (const { chunk, delayMs } of frames) {
    text('ANMF');
    number(16 + chunk.byteLength, 4);
    number(0, 3);
    number(0, 3);
    number(width - 1, 3);
    number(height - 1, 3);
    number(delayMs, 3);
    // Each frame is complete and is not blended with the previous one.
    number(0b10, 1);
    file.set(chunk, at);
    at += chunk.byteLength;
  }
  return file;
}
