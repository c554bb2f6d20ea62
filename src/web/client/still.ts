import { clearPlaceholder } from './placeholder.js';

/**
 * Replaces the image of a figure once the new one is decoded, so that nothing flickers. Rejects if it cannot be decoded; the figure
 * then stays unchanged.
 */
export async function showStill(figure: HTMLElement, picture: Blob): Promise<void> {
  const old = stillOf(figure);
  if (old === null) return;
  const fresh = old.cloneNode() as HTMLImageElement;
  fresh.removeAttribute('loading');
  fresh.src = URL.createObjectURL(picture);
  try {
    await fresh.decode();
  } catch (error) {
    URL.revokeObjectURL(fresh.src);
    throw error;
  }
  old.replaceWith(fresh);
  URL.revokeObjectURL(old.src);
  clearPlaceholder(figure);
}

/** Releases the image of a figure that has left the page; otherwise its memory stays allocated as long as the page is open. */
export function forgetStill(figure: HTMLElement): void {
  const still = stillOf(figure);
  if (still !== null) URL.revokeObjectURL(still.src);
}

function stillOf(figure: HTMLElement): HTMLImageElement | null {
  return figure.querySelector<HTMLImageElement>('img.still');
}
