/** The little XML that S3 speaks: elements with text, no attributes besides the name space. */
type XmlContent = string | number | boolean | readonly XmlElement[];
export type XmlElement = readonly [name: string, content: XmlContent];

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

const escapeText = (text: string): string =>
  text
    .replace(/[&<>"']/g, (character) => entities[character]!)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: XML cannot hold them bare
    .replace(/[\u0000-\u001f\u007f]/g, (character) => `&#${character.charCodeAt(0)};`);

const render = ([name, content]: XmlElement): string =>
  `<${name}>${Array.isArray(content) ? content.map(render).join('') : escapeText(String(content))}</${name}>`;

export function xmlDocument(name: string, content: readonly XmlElement[], nameSpace = true): string {
  const attribute = nameSpace ? ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"' : '';
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${name}${attribute}>${content.map(render).join('')}</${name}>`;
}

/** The contents of every `<name>` in the text, in order, with entities undone where there are no elements inside. */
export function elementsOf(xml: string, name: string): string[] {
  const pattern = new RegExp(`<${name}(?:\\s[^>]*)?>([\\s\\S]*?)</${name}>`, 'g');
  return [...xml.matchAll(pattern)].map(([, inner = '']) => (inner.includes('<') ? inner : undoEntities(inner)));
}

function undoEntities(text: string): string {
  return text.replace(/&(#x[0-9a-fA-F]+|#\d+|\w+);/g, (whole, name: string) => {
    if (name.startsWith('#x')) return String.fromCodePoint(Number.parseInt(name.slice(2), 16));
    if (name.startsWith('#')) return String.fromCodePoint(Number(name.slice(1)));
    return { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }[name] ?? whole;
  });
}
