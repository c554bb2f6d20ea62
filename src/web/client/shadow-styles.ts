/** The build replaces `<style>` elements in media-chrome's shadow roots by these functions. */

interface StyleHolder {
  readonly sheet: CSSStyleSheet;
}

const holders = new WeakMap<Node, readonly StyleHolder[]>();

/** Fills a shadow root with HTML and turns its styles into constructed sheets, which a strict content security policy allows. */
export function fillShadowRoot(root: ShadowRoot, html: string): void {
  const template = document.createElement('template');
  template.innerHTML = html;
  const { content } = template;
  // Nested elements create their own roots when they are upgraded.
  for (const nested of content.querySelectorAll('template[shadowrootmode]')) nested.remove();
  const sheets = [...content.querySelectorAll('style')].flatMap((style) => {
    const stand = document.createElement('template');
    stand.id = style.id;
    style.replaceWith(stand);
    return style.media === '' ? [sheetOf(style.textContent ?? '')] : [];
  });
  holders.set(
    root,
    sheets.map((sheet) => ({ sheet })),
  );
  root.adoptedStyleSheets = sheets;
  root.replaceChildren(content);
}

/** The style holders of a shadow root, in order: each has a `sheet`, as `<style>` elements do. */
export function styleHoldersOf(root: Node): readonly StyleHolder[] {
  return holders.get(root) ?? [];
}

function sheetOf(text: string): CSSStyleSheet {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(text);
  return sheet;
}
