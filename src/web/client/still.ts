import { clearPlaceholder } from './placeholder.js';

/**
 * Puts a picture in the place of the one that a figure shows, once it is decoded, so that nothing flickers. Rejects what cannot be
 * decoded; the figure stays as it is then.
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

/** Of a figure that has left the page: its picture would be held for as long as the page is there. */
export function forgetStill(figure: HTMLElement): void {
  const still = stillOf(figure);
  if (still !== null) URL.revokeObjectURL(still.src);
}

function stillOf(figure: HTMLElement): HTMLImageElement | null {
  return figure.querySelector<HTMLImageElement>('img.still');
}
