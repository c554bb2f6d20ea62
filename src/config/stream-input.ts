import { z } from 'zod';
import { streamSchema } from './schema.js';

/**
 * Streams as programs write them in JSON: the configuration's own schema without what is there for environment variables, whose
 * values are all text. Made from it, so that nothing is told twice; its checks across settings are left to it.
 */

/** A whole stream. */
export const streamInputSchema = plain(streamSchema).meta({
  id: 'StreamInput',
  description: 'A stream as the configuration has it. Everything but `name` and `source` may be left out.',
}) as z.ZodObject;

/** A change of a stream, by RFC 7396: what is null goes back to its default, lists are replaced whole. */
export const streamPatchSchema = (patch(streamSchema) as z.ZodObject).omit({ name: true }).meta({
  id: 'StreamPatch',
  description: 'Settings that change, by RFC 7396: null goes back to the default, lists are replaced whole.',
});

function plain(schema: z.core.$ZodType): z.ZodType {
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
      // What is prepared to be a mapping may be a word: on or off.
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

function patch(schema: z.core.$ZodType): z.ZodType {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case 'object':
      return z.strictObject(
        Object.fromEntries(Object.entries(def.shape).map(([name, each]) => [name, patch(each).nullish()])),
      );
    case 'optional':
    case 'default':
    case 'prefault':
      return patch(def.innerType);
    default:
      return plain(schema);
  }
}
