import type { z } from 'zod';
import { isSecretName } from './redact.js';

/** One setting of the schema: everything that is neither a mapping nor a list of mappings. */
export interface Field {
  /** `['streams', '*', 'name']`: `*` stands for a position in a list. */
  readonly path: readonly string[];
  /** A list of plain values. */
  readonly list: boolean;
  readonly secret: boolean;
  /** Undefined: there is none. */
  readonly defaultValue: unknown;
}

/** All settings of a schema, in its order. Read from the schema itself, so that nothing is listed twice by hand. */
export function fieldsOf(schema: z.core.$ZodType, path: readonly string[] = [], defaultValue?: unknown): Field[] {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case 'object':
      return Object.entries(def.shape).flatMap(([name, inner]) => fieldsOf(inner, [...path, name]));
    case 'array': {
      const inner = fieldsOf(def.element, [...path, '*']);
      const plain = inner.length === 1 && inner[0]?.path.length === path.length + 1;
      return plain ? [field(path, true, defaultValue)] : inner;
    }
    case 'default':
      return fieldsOf(def.innerType, path, def.defaultValue);
    case 'optional':
    case 'nullable':
    case 'prefault':
    case 'readonly':
      return fieldsOf(def.innerType, path, defaultValue);
    case 'pipe': {
      // A preprocessing step stands before its schema, a transformation behind it.
      const before = (def.in as z.core.$ZodTypes)._zod.def.type === 'transform';
      return fieldsOf(before ? def.out : def.in, path, defaultValue);
    }
    default:
      return [field(path, false, defaultValue)];
  }
}

function field(path: readonly string[], list: boolean, defaultValue: unknown): Field {
  return { path, list, secret: isSecretName(path.at(-1) ?? ''), defaultValue };
}
