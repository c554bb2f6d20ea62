import { readFile } from 'node:fs/promises';
import { rootCertificates } from 'node:tls';
import { S3Client } from '@aws-sdk/client-s3';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import type { S3Config } from '../../config/schema.js';
import { messageOf, SidepipeError } from '../../errors.js';
import { createAgents } from './agents.js';
import type { VendorSettings } from './vendors.js';

export interface ClientOptions {
  readonly config: S3Config;
  readonly vendor: VendorSettings;
  readonly connectTimeoutMs: number;
  /** Told the credentials of each request, wherever they came from, so that errors can be rid of them. */
  readonly onIdentity: (secrets: readonly string[]) => void;
}

/**
 * The SDK's client, with everything switched off that the publisher or the store does itself: retries, waiting for
 * `100 Continue` (it costs a connection a request), checksums beyond the signature, following redirects.
 */
export async function createClient({ config, vendor, connectTimeoutMs, onIdentity }: ClientOptions): Promise<S3Client> {
  const ca = config.caFile === undefined ? {} : { ca: [...rootCertificates, await readAuthorities(config.caFile)] };
  const { accessKeyId, secretAccessKey, sessionToken } = config;
  const client = new S3Client({
    ...(vendor.region === undefined ? {} : { region: vendor.region }),
    ...(vendor.endpoint === undefined ? {} : { endpoint: vendor.endpoint }),
    ...(accessKeyId === undefined || secretAccessKey === undefined
      ? {}
      : { credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) } }),
    forcePathStyle: vendor.forcePathStyle,
    maxAttempts: 1,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    expectContinueHeader: false,
    followRegionRedirects: false,
    customUserAgent: 'sidepipe',
    logger: silent,
    requestHandler: new NodeHttpHandler({
      ...createAgents({ connections: config.concurrency, connectTimeoutMs, ...ca }),
      // The store's own deadline ends a call; the SDK's would only warn, on the console.
      connectionTimeout: 0,
      requestTimeout: 0,
      socketTimeout: 0,
      // The publisher queues on purpose.
      socketAcquisitionWarningTimeout: 2_147_483_647,
      logger: silent,
    }),
  });
  client.middlewareStack.add(
    (next, context) => (args) => {
      const { identity } = (context['__smithy_context'] as SigningContext | undefined)?.selectedHttpAuthScheme ?? {};
      const { accessKeyId: id, secretAccessKey: secret, sessionToken: token } = identity ?? {};
      onIdentity([id, secret, token].filter((text) => text !== undefined));
      return next(args);
    },
    { step: 'deserialize', name: 'sidepipeIdentity' },
  );
  return client;
}

interface SigningContext {
  readonly selectedHttpAuthScheme?: {
    readonly identity?: { accessKeyId?: string; secretAccessKey?: string; sessionToken?: string };
  };
}

const nothing = (): void => undefined;
const silent = { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing };

async function readAuthorities(path: string): Promise<string> {
  try {
    const text = await readFile(path, 'utf8');
    if (!text.includes('-----BEGIN CERTIFICATE-----')) throw new Error('it holds no PEM certificate');
    return text;
  } catch (error) {
    throw new SidepipeError(`storage.s3.caFile ${path} cannot be used: ${messageOf(error)}`, {
      code: 'storage-misconfigured',
      fault: 'storage',
      cause: error,
    });
  }
}
