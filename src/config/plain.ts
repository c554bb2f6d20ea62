import { z } from 'zod';

/**
 * A schema without the conversions for environment variables, whose values are strings, and without the checks across
 * settings: the part that JSON Schema can express. Descriptions are kept as plain text. Pure.
 */
export function plain(schema: z.core.$ZodType): z.ZodType {
  return described(bare(schema), schema);
}

/** A schema with the description of another one, without its links, which are valid only in docs/. */
export function described(schema: z.ZodType, like: z.core.$ZodType): z.ZodType {
  const words = z.globalRegistry.get(like)?.description;
  if (words === undefined) return schema;
  const unlinked = words.replaceAll(/ See \[[^\]]+\]\([^)]+\)\./g, '').replaceAll(/\[([^\]]+)\]\([^)]+\)/g, '$1');
  return schema.describe(unlinked);
}

function bare(schema: z.core.$ZodType): z.ZodType {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case 'object':
      return z.strictObject(Object.fromEntries(Object.entries(def.shape).map(([name, each]) => [name, plain(each)])));
    case 'array':
      return z.array(plain(def.element)).check(...((def.checks ?? []) as z.core.$ZodCheck<unknown[]>[]));
    case 'optional':
      return plain(def.innerType).optional();
    case 'default':
      return plain(def.innerType).default(def.defaultValue);
    case 'prefault':
      return plain(def.innerType).prefault(def.defaultValue);
    case 'pipe': {
      const isPrepared = (def.in as z.core.$ZodTypes)._zod.def.type === 'transform';
      if (!isPrepared) return plain(def.in);
      const inner = plain(def.out);
      // A mapping with a preprocessing step also accepts true and false.
      const isMapping = (def.out as z.core.$ZodTypes)._zod.def.type === 'object';
      return isMapping ? z.union([z.boolean(), inner], 'expected true, false or an object') : inner;
    }
    case 'union': {
      const isFlag = def.options.some((each) => (each as z.core.$ZodTypes)._zod.def.type === 'boolean');
      return isFlag ? z.boolean() : z.union(def.options.map(plain));
    }
    default:
      return schema as z.ZodType;
  }
}
