import { find } from './elements.js';

/** Copies the text of a field. Over plain HTTP there is no clipboard but that of the selection. */
export async function copyText(button: HTMLElement): Promise<boolean> {
  const input = find<HTMLInputElement>(button.parentElement ?? document, 'input');
  try {
    await navigator.clipboard.writeText(input.value);
    return true;
  } catch {
    input.select();
    return document.execCommand('copy');
  }
}
