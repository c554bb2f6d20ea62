/** Finds an element that the server rendered. */
export function find<T extends HTMLElement = HTMLElement>(root: ParentNode, selector: string): T {
  const element = root.querySelector<T>(selector);
  if (element === null) throw new Error(`the page has no ${selector}`);
  return element;
}

/** Writes only changed text: rewriting the same text would make screen readers announce it again. */
export function setText(root: ParentNode, selector: string, text: string): void {
  for (const element of root.querySelectorAll<HTMLElement>(selector)) {
    if (element.textContent !== text) element.textContent = text;
  }
}

export function make(tag: string, className: string, ...children: (Node | string)[]): HTMLElement {
  const element = document.createElement(tag);
  if (className !== '') element.className = className;
  element.append(...children);
  return element;
}
