import { thumbHashToDataURL } from 'thumbhash';

/** Fills each image under `root` until it has loaded: with its blurred placeholder, or at least its colour. */
export function showPlaceholders(root: ParentNode): void {
  const waiting = [...root.querySelectorAll<HTMLElement>('[data-placeholder]')].filter((figure) => {
    const image = figure.querySelector('img');
    return image !== null && !(image.complete && image.naturalWidth > 0);
  });
  for (const figure of waiting) {
    // Set through the style object: style attributes would need an exception in the content security policy.
    figure.style.backgroundColor = figure.dataset['colour'] ?? '';
    const likeness = likenessOf(figure.dataset['placeholder'] ?? '');
    if (likeness !== undefined) figure.style.backgroundImage = `url("${likeness}")`;
    figure.style.backgroundSize = '100% 100%';
    figure.querySelector('img')?.addEventListener('load', () => clearPlaceholder(figure), { once: true });
  }
}

/** Called once the image has loaded. */
export function clearPlaceholder(figure: HTMLElement): void {
  figure.removeAttribute('data-placeholder');
  figure.style.removeProperty('background-image');
  figure.style.removeProperty('background-color');
}

function likenessOf(hash: string): string | undefined {
  if (hash === '') return undefined;
  try {
    return thumbHashToDataURL(Uint8Array.from(atob(hash), (letter) => letter.charCodeAt(0)));
  } catch {
    return undefined;
  }
}
