import type { thumbHashToDataURL } from 'thumbhash';

/** Fills the place of each picture under `root` until it is there: its colour at once, its blurred likeness soon after. */
export function showPlaceholders(root: ParentNode, moduleUrl: string): void {
  const waiting = [...root.querySelectorAll<HTMLElement>('[data-placeholder]')].filter((figure) => {
    const image = figure.querySelector('img');
    return image !== null && !(image.complete && image.naturalWidth > 0);
  });
  if (waiting.length === 0) return;
  for (const figure of waiting) {
    // Set through the style object: attributes would need a hole in the page's security policy.
    figure.style.backgroundColor = figure.dataset['colour'] ?? '';
    figure.querySelector('img')?.addEventListener('load', () => clearPlaceholder(figure), { once: true });
  }
  void blur(waiting, moduleUrl);
}

/** The picture is there. */
export function clearPlaceholder(figure: HTMLElement): void {
  figure.removeAttribute('data-placeholder');
  figure.style.removeProperty('background-image');
  figure.style.removeProperty('background-color');
}

async function blur(figures: readonly HTMLElement[], moduleUrl: string): Promise<void> {
  try {
    const module = (await import(moduleUrl)) as { thumbHashToDataURL: typeof thumbHashToDataURL };
    for (const figure of figures) {
      const hash = figure.dataset['placeholder'];
      if (hash === undefined || hash === '') continue;
      const bytes = Uint8Array.from(atob(hash), (letter) => letter.charCodeAt(0));
      figure.style.backgroundImage = `url("${module.thumbHashToDataURL(bytes)}")`;
      figure.style.backgroundSize = '100% 100%';
    }
  } catch {
    // The colour is a placeholder too.
  }
}
