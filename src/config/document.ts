import { type Document, isMap, isScalar, isSeq, Lexer, LineCounter, type Node, parseDocument, visit } from 'yaml';
import type { ConfigProblem, Path } from './problems.js';

/** More levels than any configuration needs. The parser recurses once per level. */
const deepest = 40;
const mostAliases = 100;
/** Other tags turn a value into a set, a date or bytes, which no setting accepts. */
const plainTag = /^tag:yaml\.org,2002:(?:map|seq|str|int|float|bool|null)$/;

/** A parsed YAML document: plain values and their positions. */
export interface ConfigDocument {
  readonly value: unknown;
  /** The position of a value, otherwise of the nearest mapping around it; or the position of the value's name. */
  locate(path: Path, part?: 'value' | 'name'): { line: number; column: number } | undefined;
}

/** Replacements for the parser's messages, which can quote the file and so reveal secrets. */
const explanations: Readonly<Record<string, string>> = {
  ALIAS_PROPS: 'an alias (*) cannot have an anchor or a tag',
  BAD_ALIAS: 'an invalid alias; quote a value that starts with *',
  BAD_DQ_ESCAPE: 'an unknown escape after a backslash; use single quotes',
  BAD_INDENT: 'wrong indentation, or a bracket that is not closed',
  BAD_PROP_ORDER: 'an anchor (&) or a tag (!) in the wrong place; quote a value that starts with one of them',
  BAD_SCALAR_START: 'a value that starts with a reserved character (such as @, ` or %); put it in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a mapping inside a line; check the indentation, and quote values that contain ": "',
  BLOCK_IN_FLOW: 'an indented block inside brackets',
  DUPLICATE_KEY: 'appears twice in the same mapping',
  KEY_OVER_1024_CHARS: 'a name longer than 1024 characters',
  MISSING_CHAR: 'a quote or bracket that is not closed, or a missing comma or space after a colon',
  MULTILINE_IMPLICIT_KEY: 'a name that spans several lines; is a colon missing?',
  MULTIPLE_ANCHORS: 'two anchors (&) on one value',
  MULTIPLE_DOCS: 'a second document starts here (---); the file must contain only one',
  MULTIPLE_TAGS: 'two tags (!) on one value',
  TAB_AS_INDENT: 'indented with a tab; YAML requires spaces',
  TAG_RESOLVE_FAILED: 'a tag (!) that is not supported; quote a value that starts with !',
};

/** Parses one YAML document. Every problem has its line; no message quotes a value. */
export function readDocument(text: string): { document: ConfigDocument } | { problems: ConfigProblem[] } {
  const lines = new LineCounter();
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line, column: Math.max(1, col) };
  };
  if (nesting(text) > deepest) return { problems: [{ path: '', message: `nested more than ${deepest} levels deep` }] };
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  const broken = [...document.errors, ...document.warnings].map((error) => ({
    path: error.code === 'DUPLICATE_KEY' ? (/^[\w-]+/.exec(text.slice(error.pos[0]))?.[0] ?? '') : '',
    message: explanations[error.code] ?? 'not valid YAML',
    ...at(error.pos[0]),
  }));
  visit(document, {
    Alias(_, alias, ancestors) {
      const meant = alias.resolve(document);
      if (meant !== undefined && !ancestors.includes(meant)) return;
      const message =
        meant === undefined
          ? 'an alias (*) without an anchor (&); quote a value that starts with *'
          : 'an alias (*) inside the value that it refers to';
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
    return { problems: [{ path: '', message: `aliases (*) that expand to more than ${mostAliases} values` }] };
  }
  return { document: { value, locate: (path, part) => locate(document, path, part, at) } };
}

/** One mistake can make the parser report several errors. */
function onePerLine(problems: readonly (ConfigProblem & { line: number })[]): ConfigProblem[] {
  const first = new Map<number, ConfigProblem>();
  for (const problem of problems) if (!first.has(problem.line)) first.set(problem.line, problem);
  return [...first.values()];
}

/** An upper bound for the depth of brackets and of list marks in one line, found without recursion. */
function nesting(text: string): number {
  /** The marks before each open bracket. */
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
