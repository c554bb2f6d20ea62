/** Copies a field's text. The clipboard interface exists on secure origins only; a node in a home network is reached over plain HTTP. */
export async function copyField(input: HTMLInputElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(input.value);
    return true;
  } catch {
    input.select();
    return document.execCommand('copy');
  }
}
