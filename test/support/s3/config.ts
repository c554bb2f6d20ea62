import { configSchema, type S3Config } from '../../../src/config/schema/schema.js';
import type { S3Server } from './server.js';

/** The settings with which a store reaches the test server, as the schema would make them. */
export function s3ConfigFor(
  server: Pick<S3Server, 'endpoint' | 'credentials'>,
  more: Readonly<Record<string, unknown>> = {},
): S3Config {
  const { storage } = configSchema.parse({
    storage: {
      type: 's3',
      s3: {
        endpoint: server.endpoint,
        bucket: 'live',
        accessKeyId: server.credentials.accessKeyId,
        secretAccessKey: server.credentials.secretAccessKey,
        ...more,
      },
    },
  });
  return storage.s3!;
}
