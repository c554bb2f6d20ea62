import sharp from 'sharp';

/** Bits of the counter: 65,536 frames, over half an hour. */
const BITS = 16;

/** A lavfi source whose frames carry their own number, as columns of black and white: the leftmost is the lowest bit. */
export function clockPicture({ size, rate, from = 0 }: { size: string; rate: number; from?: number }): string {
  // Two rows more than one: the subsampled chroma planes need them. Enlarged without blending.
  const bit = `mod(floor((N+${from})/pow(2,X)),2)`;
  return `nullsrc=size=${BITS}x2:rate=${rate},format=yuv420p,geq=lum='16+219*${bit}':cb=128:cr=128,scale=${size.replace('x', ':')}:flags=neighbor`;
}

/** The frame number in an encoded picture of any size. Throws where a column is neither black nor white. */
export async function readClockPicture(image: Uint8Array): Promise<number> {
  const { data, info } = await sharp(image).greyscale().raw().toBuffer({ resolveWithObject: true });
  let number = 0;
  for (let bit = 0; bit < BITS; bit++) {
    const x = Math.floor(((bit + 0.5) * info.width) / BITS);
    const grey = data[(Math.floor(info.height / 2) * info.width + x) * info.channels]!;
    if (grey > 80 && grey < 175) throw new Error(`column ${bit} is grey: ${grey}`);
    if (grey >= 175) number += 2 ** bit;
  }
  return number;
}
