import { type Document, isMap, isScalar, isSeq, Lexer, LineCounter, type Node, parseDocument, visit } from 'yaml';
import type { ConfigProblem, Path } from './problems.js';

/** Deeper nesting than any configuration needs; the parser recurses once a step. */
const deepest = 40;
const mostAliases = 100;
/** Others make sets, dates and bytes of what they stand before: nothing that a setting can be. */
const plainTag = /^tag:yaml\.org,2002:(?:map|seq|str|int|float|bool|null)$/;

/** A read YAML text: plain values, and where each of them stands. */
export interface ConfigDocument {
  readonly value: unknown;
  /** The place of a value, else of the nearest mapping around it; or of the name that stands before the value. */
  locate(path: Path, part?: 'value' | 'name'): { line: number; column: number } | undefined;
}

/** Parser messages can quote the text, and the text holds secrets: these say the same without quoting. */
const explanations: Readonly<Record<string, string>> = {
  ALIAS_PROPS: 'an alias (*) cannot have an anchor or a tag',
  BAD_ALIAS: 'a broken alias; quote a value that begins with *',
  BAD_DQ_ESCAPE: 'an unknown escape after a backslash; put the text in single quotes',
  BAD_INDENT: 'wrong indentation, or a bracket that is not closed',
  BAD_PROP_ORDER: 'an anchor (&) or a tag (!) in the wrong place; quote a value that begins with one of them',
  BAD_SCALAR_START: 'a value that begins with a character of YAML itself (such as @, ` or %); put it in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a mapping inside a line; is the indentation right, or a value with ": " not in quotes?',
  BLOCK_IN_FLOW: 'an indented block inside brackets',
  DUPLICATE_KEY: 'appears twice in the same mapping',
  KEY_OVER_1024_CHARS: 'a name of more than 1024 characters',
  MISSING_CHAR: 'something is not closed or separated: a quote, a bracket, a comma or the space behind a colon',
  MULTILINE_IMPLICIT_KEY: 'a name that goes over several lines; is a colon missing?',
  MULTIPLE_ANCHORS: 'two anchors (&) on one value',
  MULTIPLE_DOCS: 'a second document begins here (---): the file must hold one',
  MULTIPLE_TAGS: 'two tags (!) on one value',
  TAB_AS_INDENT: 'a tab as indentation: YAML wants spaces',
  TAG_RESOLVE_FAILED: 'a tag (!) that has no meaning here; quote a value that begins with !',
};

/** Reads one YAML document. Every problem names its line; no message repeats a value. */
export function readDocument(text: string): { document: ConfigDocument } | { problems: ConfigProblem[] } {
  const lines = new LineCounter();
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line, column: Math.max(1, col) };
  };
  if (nesting(text) > deepest) return { problems: [{ path: '', message: `nested more than ${deepest} times` }] };
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  const broken = [...document.errors, ...document.warnings].map((error) => ({
    path: error.code === 'DUPLICATE_KEY' ? (/^[\w-]+/.exec(text.slice(error.pos[0]))?.[0] ?? '') : '',
    message: explanations[error.code] ?? 'cannot be read as YAML here',
    ...at(error.pos[0]),
  }));
  visit(document, {
    Alias(_, alias, ancestors) {
      const meant = alias.resolve(document);
      if (meant !== undefined && !ancestors.includes(meant)) return;
      const message =
        meant === undefined
          ? 'an alias (*) without its anchor (&); quote a value that begins with *'
          : 'an alias (*) inside of what it stands for';
      broken.push({ path: '', message, ...at(alias.range?.[0] ?? 0) });
    },
    Value(_, { tag, range }) {
      if (tag === undefined || plainTag.test(tag)) return;
      broken.push({ path: '', message: explanations['TAG_RESOLVE_FAILED'] ?? '', ...at(range?.[0] ?? 0) });
    },
  });
  if (broken.length > 0) return { problems: onePerLine(broken) };
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: mostAliases });
  } catch {
    return { problems: [{ path: '', message: `aliases (*) that stand for more than ${mostAliases} values` }] };
  }
  return { document: { value, locate: (path, part) => locate(document, path, part, at) } };
}

/** One mistake upsets the parser several times. */
function onePerLine(problems: readonly (ConfigProblem & { line: number })[]): ConfigProblem[] {
  const first = new Map<number, ConfigProblem>();
  for (const problem of problems) if (!first.has(problem.line)) first.set(problem.line, problem);
  return [...first.values()];
}

/** How deep brackets, and list marks in one line, go: a bound, found without recursion. */
function nesting(text: string): number {
  /** For each open bracket, the marks before it. */
  const brackets: number[] = [];
  let marks = 0;
  let most = 0;
  for (const token of new Lexer().lex(text)) {
    if (token === '[' || token === '{') brackets.push(marks);
    else if (token === ']' || token === '}') marks = brackets.pop() ?? marks;
    else if (token === ',') marks = brackets.at(-1) ?? marks;
    else if (/^[-?:]$/.test(token)) marks += 1;
    else if (token.startsWith('\n') || token.startsWith('\r')) marks = 0;
    most = Math.max(most, brackets.length + marks);
  }
  return most;
}

function locate(
  document: Document,
  path: Path,
  wanted: 'value' | 'name' | undefined,
  at: (offset: number) => { line: number; column: number },
) {
  let node = document.contents as Node | null;
  let offset = node?.range?.[0];
  for (const [index, part] of path.entries()) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part));
      if (pair === undefined) break;
      node = pair.value as Node | null;
      const name = (pair.key as Node).range?.[0];
      const last = index === path.length - 1;
      offset = (last && wanted === 'name' ? name : (node?.range?.[0] ?? name)) ?? offset;
    } else if (isSeq(node)) {
      node = (node.items[Number(part)] ?? null) as Node | null;
      offset = node?.range?.[0] ?? offset;
    } else break;
  }
  return offset === undefined ? undefined : at(offset);
}
