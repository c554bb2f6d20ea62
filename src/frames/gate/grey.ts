/** The small grey image that a frame is judged by: greyWidth × greyHeight luma values, row by row. */
export const greyWidth = 64;
export const greyHeight = 36;
export const greyCells = greyWidth * greyHeight;

/** Samples per cell in each direction. */
const samples = 4;

/**
 * The grey image of an rgb24 frame (width × height × 3 bytes). Each cell is the mean of at most 4 × 4 of its points, not of all its
 * pixels. That costs a fraction, and keeps enough of a camera's noise to distinguish a still scene from a frozen camera.
 */
export function greyOf({ data, width, height }: { data: Uint8Array; width: number; height: number }): Uint8Array {
  const grey = new Uint8Array(greyCells);
  const columns = positions(width, greyWidth).map((x) => x * 3);
  const rows = positions(height, greyHeight).map((y) => y * width * 3);
  for (let row = 0; row < greyHeight; row += 1) {
    for (let column = 0; column < greyWidth; column += 1) {
      let sum = 0;
      for (let y = row * samples; y < (row + 1) * samples; y += 1) {
        const offset = rows[y] ?? 0;
        for (let x = column * samples; x < (column + 1) * samples; x += 1) {
          const at = offset + (columns[x] ?? 0);
          // BT.601 in 256ths.
          sum += (data[at] ?? 0) * 77 + (data[at + 1] ?? 0) * 150 + (data[at + 2] ?? 0) * 29;
        }
      }
      grey[row * greyWidth + column] = Math.round(sum / (256 * samples * samples));
    }
  }
  return grey;
}

/** The centres of `cells` × `samples` equal parts of a side. */
function positions(side: number, cells: number): number[] {
  const parts = cells * samples;
  return Array.from({ length: parts }, (_, part) => Math.floor(((part + 0.5) * side) / parts));
}
