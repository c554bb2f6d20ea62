export interface KeyActions {
  togglePlay(): void;
  toggleSound(): void;
  toggleFullscreen(): void;
  toggleCaptions(): void;
  goLive(): void;
  seekBy(seconds: number): void;
  changeVolume(by: number): void;
}

const seekSeconds = 5;
const volumeStep = 0.1;

/** Shortcuts for the whole page, unless the focused element uses the key itself. Up and down work only inside `player`. */
export function enableKeyboard(player: HTMLElement, actions: KeyActions): void {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const path = event.composedPath().filter((target) => target instanceof HTMLElement);
    const does = actionOf(event.key, actions, path.includes(player));
    if (does === undefined || path.some((element) => needs(element, event.key))) return;
    event.preventDefault();
    does();
  });
}

function actionOf(key: string, actions: KeyActions, isInPlayer: boolean): (() => void) | undefined {
  switch (key.toLowerCase()) {
    case ' ':
    case 'k':
      return () => actions.togglePlay();
    case 'm':
      return () => actions.toggleSound();
    case 'f':
      return () => actions.toggleFullscreen();
    case 'c':
      return () => actions.toggleCaptions();
    case 'l':
      return () => actions.goLive();
    case 'arrowleft':
      return () => actions.seekBy(-seekSeconds);
    case 'arrowright':
      return () => actions.seekBy(seekSeconds);
    // Outside the player they scroll the page.
    case 'arrowup':
      return isInPlayer ? () => actions.changeVolume(volumeStep) : undefined;
    case 'arrowdown':
      return isInPlayer ? () => actions.changeVolume(-volumeStep) : undefined;
    default:
      return undefined;
  }
}

/** Whether a focused element uses the key itself. */
function needs(element: HTMLElement, key: string): boolean {
  const role = element.getAttribute('role') ?? '';
  if (element.isContentEditable || element instanceof HTMLSelectElement || role === 'menu') return true;
  if (element instanceof HTMLTextAreaElement) return true;
  const isRange = element instanceof HTMLInputElement && element.type === 'range';
  if (element instanceof HTMLInputElement && !isRange) return true;
  if (isRange || role === 'slider') return key.startsWith('Arrow');
  const isPressed = element instanceof HTMLButtonElement || element instanceof HTMLAnchorElement || role === 'button';
  return key === ' ' && (isPressed || element.localName === 'summary');
}
