/** Copies a field's text. Falls back to `execCommand`: the clipboard API needs a secure origin, and nodes on home networks use plain HTTP. */
export async function copyField(input: HTMLInputElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(input.value);
    return true;
  } catch {
    input.select();
    return document.execCommand('copy');
  }
}
