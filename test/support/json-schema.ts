import fc from 'fast-check';
import type { ApiDocument, ApiSchema } from '../../src/web/api-description.js';

/** Values by the schemas of an API's description. */

/** What a schema allows. */
export function jsonOf(schema: ApiSchema, document: ApiDocument): fc.Arbitrary<unknown> {
  if (schema.$ref !== undefined)
    return jsonOf(document.components!.schemas![schema.$ref.split('/').at(-1)!]!, document);
  const options = schema.anyOf ?? schema.oneOf;
  if (options !== undefined) return fc.oneof(...options.map((each) => jsonOf(each, document)));
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.const !== undefined) return fc.constant(schema.const);
  switch (schema.type) {
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc.integer({ min: schema.minimum ?? 1, max: Math.min(schema.maximum ?? 1000, 2 ** 31 - 1) });
    case 'number': {
      const min = schema.minimum ?? (schema.exclusiveMinimum ?? 0) + 0.001;
      return fc.double({ min, max: schema.maximum ?? 1000, noNaN: true });
    }
    case 'string':
      return textOf(schema);
    case 'array':
      return fc.array(jsonOf(schema.items ?? {}, document), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(schema.maxItems ?? 3, (schema.minItems ?? 0) + 3),
      });
    case 'object': {
      const members = Object.entries(schema.properties ?? {}).map(([name, each]) => [name, jsonOf(each, document)]);
      return fc.record(Object.fromEntries(members), { requiredKeys: [...(schema.required ?? [])] as never[] });
    }
    default:
      return fc.jsonValue();
  }
}

function textOf({ pattern, minLength = 0, maxLength = 40 }: ApiSchema): fc.Arbitrary<string> {
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern));
  return fc.string({ minLength, maxLength: Math.min(maxLength, minLength + 40), unit: 'grapheme-ascii' });
}

/** What a schema does not allow: a value of another kind, or one of its objects with a name too many. */
export function spoiled(schema: ApiSchema, document: ApiDocument): fc.Arbitrary<unknown> {
  const kinds = [schema, ...(schema.anyOf ?? schema.oneOf ?? [])].flatMap(
    ({ type, enum: values }) => type ?? values?.map((each) => typeof each) ?? [],
  );
  const others = [
    ...(kinds.includes('string') ? [] : [fc.constantFrom('5', 'true', 'words')]),
    ...(kinds.includes('number') || kinds.includes('integer') ? [] : [fc.integer()]),
    ...(kinds.includes('boolean') ? [] : [fc.boolean()]),
    ...(kinds.includes('array') ? [] : [fc.constantFrom([], [1])]),
    ...(kinds.includes('object') ? [] : [fc.constantFrom({}, { a: 1 })]),
  ];
  const within =
    schema.properties === undefined ? [] : [spoiledMember(schema, document), fc.constant({ nobodyKnows: 1 })];
  return fc.oneof(...others, ...within);
}

function spoiledMember({ properties = {} }: ApiSchema, document: ApiDocument): fc.Arbitrary<unknown> {
  const members = Object.entries(properties).map(([name, each]) =>
    spoiled(each, document).map((value) => ({ [name]: value })),
  );
  return members.length === 0 ? fc.constant({ nobodyKnows: 1 }) : fc.oneof(...members);
}
