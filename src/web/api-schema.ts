import { html } from 'hono/html';
import type { ApiSchema } from './api-description.js';
import type { Html } from './layout.js';

/** JSON schemas in words. */

export interface SchemaRow {
  /** `thumbnail.gate.black`. */
  readonly path: string;
  readonly required: boolean;
  readonly schema: ApiSchema;
}

/** The properties of an object, nested ones included, up to a depth that no schema here exceeds. Pure. */
export function rowsOf(schema: ApiSchema, path = '', depth = 0): SchemaRow[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => {
    const row = { path: `${path}${name}`, required: schema.required?.includes(name) === true, schema: inner };
    const within = membersIn(inner);
    return [
      row,
      ...(within === undefined || depth > 4 ? [] : rowsOf(within.schema, `${row.path}${within.mark}`, depth + 1)),
    ];
  });
}

function membersIn(schema: ApiSchema): { readonly schema: ApiSchema; readonly mark: string } | undefined {
  if (schema.properties !== undefined) return { schema, mark: '.' };
  if (schema.items?.properties !== undefined) return { schema: schema.items, mark: '[].' };
  const option = alternatives(schema).find(({ properties }) => properties !== undefined);
  return option && { schema: option, mark: '.' };
}

function alternatives({ anyOf, oneOf, allOf }: ApiSchema): readonly ApiSchema[] {
  return anyOf ?? oneOf ?? allOf ?? [];
}

/** The type of a value in words: `integer, 1 to 100, default 80`. References become links. */
export function inWords(schema: ApiSchema): Html {
  const name = referenceName(schema.$ref);
  if (name !== undefined) return html`<a href="#schema-${name}">${name}</a>`;
  const options = alternatives(schema).filter(({ type }) => type !== 'null');
  const words =
    options.length > 0
      ? options.map((each, index) => html`${index === 0 ? '' : ' or '}${inWords(each)}`)
      : typeWords(schema);
  return html`${words}${facts(schema).map((fact) => html`, ${fact}`)}`;
}

export function referenceName(reference: string | undefined): string | undefined {
  return reference?.split('/').at(-1);
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'string',
  integer: 'integer',
  number: 'number',
  boolean: 'boolean',
  object: 'object',
};

function typeWords(schema: ApiSchema): Html {
  const values = schema.enum ?? (schema.const === undefined ? undefined : [schema.const]);
  if (values !== undefined) {
    return html`${values.map((value, index) => html`${index === 0 ? '' : ', '}<code>${String(value)}</code>`)}`;
  }
  if (schema.items !== undefined) return html`list of ${inWords(schema.items)}`;
  if (schema.format === 'uri') return html`URL`;
  const types = [schema.type ?? []].flat().filter((type) => type !== 'null');
  return html`${types.map((type) => typeNames[type] ?? type).join(' or ') || 'any value'}`;
}

function facts(schema: ApiSchema): (Html | string)[] {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, minLength, maxLength, minItems, maxItems } = schema;
  const range = (least: number | undefined, most: number | undefined, unit = '') => {
    if (least === undefined && most === undefined) return [];
    if (most === undefined) return [`at least ${least}${unit}`];
    return [least === undefined ? `at most ${most}${unit}` : `${least} to ${most}${unit}`];
  };
  const isNullable =
    [schema.type ?? []].flat().includes('null') || alternatives(schema).some(({ type }) => type === 'null');
  const isPlain = schema.default !== undefined && (typeof schema.default !== 'object' || Array.isArray(schema.default));
  return [
    ...(exclusiveMinimum === undefined ? [] : [`greater than ${exclusiveMinimum}`]),
    ...(exclusiveMaximum === undefined ? [] : [`less than ${exclusiveMaximum}`]),
    // Bounds that are only those of the number format carry no information.
    ...range(sensible(minimum), sensible(maximum)),
    ...range(minLength, maxLength, ' characters'),
    ...range(minItems, maxItems, ' items'),
    ...(schema.pattern === undefined ? [] : [html`matches <code>${schema.pattern}</code>`]),
    ...(isNullable ? ['or null'] : []),
    ...(isPlain ? [html`default <code>${JSON.stringify(schema.default)}</code>`] : []),
  ];
}

function sensible(bound: number | undefined): number | undefined {
  return bound === undefined || Math.abs(bound) >= Number.MAX_SAFE_INTEGER ? undefined : bound;
}
