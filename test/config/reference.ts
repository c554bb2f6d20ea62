import { z } from 'zod';
import { environmentName } from '../../src/config/environment.js';
import type { Field } from '../../src/config/fields.js';
import { fields } from '../../src/config/parse.js';
import { plain } from '../../src/config/plain.js';
import { configSchema } from '../../src/config/schema/schema.js';
import { inWords } from '../../src/web/api-schema.js';

/** What docs/ has from the configuration's schema: the tables of configuration.md, and sidepipe.schema.json. */

const marked = /(<!-- settings: (.+?) -->\n).*?(<!-- \/settings -->)/gs;

/** A setting as the page names it: `streams[n].name`. */
export const nameOf = ({ path }: Field): string => path.join('.').replaceAll('.*', '[n]');

/**
 * A page with a table behind each `<!-- settings: http rtmp -->`, of the settings below these names. A setting that is below more than
 * one stands at the longest. Throws where a setting is below none, and where a name has no setting.
 */
export function withTables(page: string): string {
  const groups = [...page.matchAll(marked)].flatMap(([, , names = '']) => names.split(' '));
  const groupOf = new Map(
    fields.map((field) => [field, longest(groups.filter((name) => isBelow(nameOf(field), name)))]),
  );
  const lost = [
    ...fields.filter((field) => groupOf.get(field) === undefined).map(nameOf),
    ...groups.filter((name) => ![...groupOf.values()].includes(name)),
  ];
  if (lost.length > 0) throw new Error(`no place for ${lost.join(', ')}`);
  return page.replaceAll(marked, (_, begin: string, names: string, end: string) => {
    const own = fields.filter((field) => names.split(' ').includes(groupOf.get(field)!));
    return `${begin}\n${tableOf(own)}\n${end}`;
  });
}

function longest(names: readonly string[]): string | undefined {
  return names.toSorted((a, b) => b.length - a.length)[0];
}

function isBelow(setting: string, group: string): boolean {
  return setting === group || setting.startsWith(`${group}.`) || setting.startsWith(`${group}[`);
}

function tableOf(rows: readonly Field[]): string {
  const lines = rows.map((field) => {
    const name = environmentName(field.path).replaceAll('*', 'n');
    return [`\`${nameOf(field)}\``, valuesOf(field), defaultOf(field), meaningOf(field), `\`${name}\``];
  });
  const head = ['setting', 'value', 'default', 'meaning', 'environment'];
  return [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |\n`).join('');
}

/** What the API's own page says of such a value. */
function valuesOf({ schema }: Field): string {
  const { $schema, ...bare } = JSON.parse(JSON.stringify(z.toJSONSchema(plain(schema), { io: 'input' })), told);
  return String(inWords(bare)).replaceAll(/<\/?code>/g, '`');
}

/** What of a JSON Schema stands in the column: the rest is told by its neighbours, or by the error. */
function told(key: string, value: unknown): unknown {
  if (['default', 'description', 'pattern'].includes(key) || (key === 'format' && value !== 'uri')) return undefined;
  if (['minLength', 'minItems'].includes(key) && value === 1) return undefined;
  if (key !== 'anyOf') return value;
  return [...new Set((value as unknown[]).map((each) => JSON.stringify(each)))].map((each) => JSON.parse(each));
}

function defaultOf({ path, schema, defaultValue: value }: Field): string {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) {
    return String(z.globalRegistry.get(schema)?.['unset'] ?? 'none');
  }
  return shown(path, value);
}

/** A value as the page shows it. */
function shown(path: readonly string[], value: unknown): string {
  if (value === '') return 'empty';
  return path.at(-1)?.endsWith('Bytes') ? `\`${Number(value) / 1024 ** 2}MiB\`` : `\`${String(value)}\``;
}

/** A part of the schema that stands in two places is told of at the first. */
function meaningOf(field: Field): string {
  const first = fields.find(({ schema }) => schema === field.schema) ?? field;
  if (first === field) return field.schema.description ?? '';
  const [own, other] = [nameOf(field).split('.'), nameOf(first).split('.')];
  while (other.length > 0 && own.at(-1) === other.at(-1)) {
    own.pop();
    other.pop();
  }
  return `As \`${nameOf(first)}\`, for \`${own.join('.')}\`.`;
}

/** For editors, which then complete names and mark what is wrong. */
export function editorSchema(): string {
  const schema = z.toJSONSchema(plain(configSchema), { io: 'input' });
  return `${JSON.stringify({ title: 'sidepipe.yaml', ...schema }, null, 2)}\n`;
}
