import { copyField } from './clipboard.js';

/**
 * Enables the copy buttons. Behind a proxy that the node does not know, the base URL that it rendered (`data-base`) may be wrong: it is
 * replaced by the URL that this page came from.
 */
export function enableCopying(root: HTMLElement): void {
  const { base = '', up = '' } = root.dataset;
  const here = new URL(up, document.baseURI).href.replace(/\/$/, '');
  for (const field of root.querySelectorAll<HTMLElement>('[data-link]')) {
    const input = field.querySelector('input');
    const button = field.querySelector('button');
    const words = field.querySelector<HTMLElement>('[data-copied]');
    if (input === null || button === null || words === null) continue;
    if (base !== '') input.value = input.value.replaceAll(base, here);
    button.hidden = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    button.addEventListener('click', async () => {
      const copied = await copyField(input);
      words.textContent = copied ? 'Copied' : 'Press Ctrl+C to copy';
      field.dataset['done'] = String(copied);
      clearTimeout(timer);
      timer = setTimeout(() => {
        words.textContent = '';
        delete field.dataset['done'];
      }, 2500);
    });
  }
}
