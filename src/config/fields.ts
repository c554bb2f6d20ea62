import type { z } from 'zod';
import { isSecretName } from './redact.js';

/** One setting of the schema: anything that is neither a mapping nor a list of mappings. */
export interface Field {
  /** `['streams', '*', 'name']`: `*` is any list index. */
  readonly path: readonly string[];
  /** A list of plain values. */
  readonly list: boolean;
  readonly secret: boolean;
  /** Undefined: no default. */
  readonly defaultValue: unknown;
  /** The schema of the setting. Its description is Markdown. */
  readonly schema: z.ZodType;
}

/** All settings of a schema, in its order, read from the schema itself. */
export function fieldsOf(schema: z.core.$ZodType, path: readonly string[] = []): Field[] {
  return fieldsIn(schema, { path, schema: schema as z.ZodType, defaultValue: undefined });
}

type Found = Pick<Field, 'path' | 'schema' | 'defaultValue'>;

/** `found`: the path and default from the enclosing schemas. */
function fieldsIn(schema: z.core.$ZodType, found: Found): Field[] {
  const { path } = found;
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case 'object':
      return Object.entries(def.shape).flatMap(([name, inner]) => fieldsOf(inner, [...path, name]));
    case 'array': {
      const inner = fieldsOf(def.element, [...path, '*']);
      const plain = inner.length === 1 && inner[0]?.path.length === path.length + 1;
      return plain ? [field(found, true)] : inner;
    }
    case 'default':
      return fieldsIn(def.innerType, { ...found, defaultValue: def.defaultValue });
    case 'optional':
    case 'nullable':
    case 'prefault':
    case 'readonly':
      return fieldsIn(def.innerType, found);
    case 'pipe': {
      // A preprocessing step comes before its schema, a transformation after it.
      const before = (def.in as z.core.$ZodTypes)._zod.def.type === 'transform';
      return fieldsIn(before ? def.out : def.in, found);
    }
    default:
      return [field(found, false)];
  }
}

function field(found: Found, list: boolean): Field {
  return { ...found, list, secret: isSecretName(found.path.at(-1) ?? '') };
}
