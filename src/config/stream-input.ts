import { z } from 'zod';
import { described, plain } from './plain.js';
import { streamSchema } from './schema/stream.js';

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

function patch(schema: z.core.$ZodType): z.ZodType {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case 'object':
      return z.strictObject(
        Object.fromEntries(
          Object.entries(def.shape).map(([name, each]) => [name, described(patch(each).nullish(), each)]),
        ),
      );
    case 'optional':
    case 'default':
    case 'prefault':
      return patch(def.innerType);
    default:
      return plain(schema);
  }
}
