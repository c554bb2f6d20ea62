import { z } from 'zod';
import { described, plain } from './plain.js';
import { streamSchema } from './schema/stream.js';

/**
 * Streams as JSON: the schema of the configuration without the conversions for environment variables, whose values are strings.
 * Derived from it, so that nothing is declared twice. The checks across settings run on the configuration schema.
 */

/** A whole stream. */
export const streamInputSchema = plain(streamSchema).meta({
  id: 'StreamInput',
  description: 'A stream, with the settings of the configuration file. Only `name` and `source` are required.',
}) as z.ZodObject;

/** A change of a stream as a JSON merge patch (RFC 7396): null resets a setting to its default, lists are replaced as a whole. */
export const streamPatchSchema = (patch(streamSchema) as z.ZodObject).omit({ name: true }).meta({
  id: 'StreamPatch',
  description: 'JSON merge patch (RFC 7396): null resets a setting to its default, lists are replaced as a whole.',
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
