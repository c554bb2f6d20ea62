/** The pointer must rest this long on a card before its preview is shown. */
const restMs = 150;
/** The node collects preview frames for a while after each request: this interval keeps it collecting. */
const keepComingMs = 45_000;
/** Interval at which a visible preview is fetched again. */
const againMs = 4000;

/** Shows the animated preview over the thumbnail while a card has the pointer or the focus. */
export function followPreview(link: HTMLElement, figure: HTMLElement): void {
  const still = matchMedia('(prefers-reduced-motion: reduce)');
  const url = new URL(link.dataset['previewUrl'] ?? '', document.baseURI).href;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let shown: { readonly image: HTMLImageElement; readonly etag: string | null } | undefined;
  let wanted: AbortController | undefined;

  const remove = (): void => {
    if (shown === undefined) return;
    shown.image.remove();
    URL.revokeObjectURL(shown.image.src);
    shown = undefined;
  };
  const show = async (signal: AbortSignal): Promise<void> => {
    const next = await load(url, shown?.etag);
    if (signal.aborted || !figure.isConnected) {
      if (next !== undefined) URL.revokeObjectURL(next.image.src);
      return;
    }
    if (next !== undefined) {
      figure.append(next.image);
      remove();
      shown = next;
    }
    timer = setTimeout(() => void show(signal), againMs);
  };
  const begin = (): void => {
    if (wanted !== undefined || still.matches) return;
    // One per visit: a preview requested during an earlier visit is too late for this one.
    wanted = new AbortController();
    const { signal } = wanted;
    timer = setTimeout(() => void show(signal), restMs);
  };
  const end = (): void => {
    if (link.matches(':hover, :focus-visible')) return;
    wanted?.abort();
    wanted = undefined;
    clearTimeout(timer);
    remove();
  };
  link.addEventListener('pointerenter', (event) => event.pointerType === 'mouse' && begin());
  link.addEventListener('pointerleave', end);
  link.addEventListener('focus', () => link.matches(':focus-visible') && begin());
  link.addEventListener('blur', end);
  if (matchMedia('(hover: hover)').matches && !still.matches) keepComing(figure, url);
}

/** The decoded preview; undefined if there is none, or if it is unchanged, so that its animation continues. */
async function load(url: string, before: string | null | undefined) {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    const etag = response.headers.get('etag');
    if (!response.ok || (before !== undefined && etag === before)) return undefined;
    const image = new Image();
    image.src = URL.createObjectURL(await response.blob());
    image.alt = '';
    image.className = 'preview';
    const isWhole = await image.decode().then(
      () => true,
      () => false,
    );
    if (isWhole) return { image, etag };
    URL.revokeObjectURL(image.src);
    return undefined;
  } catch {
    return undefined;
  }
}

/** Requests previews of the cards in view, so that an animation is ready when the pointer arrives. */
function keepComing(figure: HTMLElement, url: string): void {
  let timer: ReturnType<typeof setInterval> | undefined;
  const ask = (): void => {
    if (!figure.isConnected) clearInterval(timer);
    else if (!document.hidden)
      void fetch(url, { method: 'HEAD', signal: AbortSignal.timeout(10_000) }).catch(() => undefined);
  };
  new IntersectionObserver(([entry]) => {
    clearInterval(timer);
    if (entry?.isIntersecting !== true) return;
    ask();
    timer = setInterval(ask, keepComingMs);
  }).observe(figure);
}
