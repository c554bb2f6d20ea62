import { readFileSync } from 'node:fs';

/** A page of documentation, from the project's root: `docs/obs.md`. */
export function readPage(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
}

/** The bodies of a page's code blocks in one language, without the indentation of a list that they stand in. */
export function blocksOf(text: string, language: string): string[] {
  const found = text.matchAll(new RegExp(`^( *)\`\`\`${language}\\n(.*?)^ *\`\`\``, 'gms'));
  return [...found].map(([, indent = '', body = '']) => body.replaceAll(new RegExp(`^${indent}`, 'gm'), ''));
}

/** Heads of a page's sections, as GitHub makes anchors of them. */
export function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  const prose = text.replaceAll(/^ *```.*?^ *```/gms, '');
  for (const [, title = ''] of prose.matchAll(/^#{1,6} (.+)$/gm)) {
    const plain = title.toLowerCase().replaceAll(/[^\p{Letter}\p{Number}\s_-]/gu, '');
    const anchor = plain.trim().replaceAll(' ', '-');
    let unique = anchor;
    for (let count = 1; anchors.has(unique); count += 1) unique = `${anchor}-${count}`;
    anchors.add(unique);
  }
  return anchors;
}

/** Where a page's links and pictures lead that are not addresses of the web. */
export function relativeLinksOf(text: string): string[] {
  const prose = text.replaceAll(/^ *```.*?^ *```/gms, '').replaceAll(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^()\s]+)\)/g)].map(([, to]) => to!).filter((to) => !/^[a-z]+:/.test(to));
}

/** The words of a command, as a shell has them, where nothing in it needs a shell. */
export function wordsOf(command: string): string[] {
  const words = command.replaceAll('\\\n', ' ').matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g);
  return [...words].map(([, plain, quoted, bare]) => plain ?? quoted ?? bare ?? '');
}
