import { readFile } from 'node:fs/promises';
import { rootCertificates } from 'node:tls';
import { S3Client } from '@aws-sdk/client-s3';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import type { S3Config } from '../../config/schema/schema.js';
import { messageOf, SidepipeError } from '../../errors.js';
import { createAgents } from './agents.js';
import { boundResponses } from './responses.js';
import type { VendorSettings } from './vendors.js';

export interface ClientOptions {
  readonly config: S3Config;
  readonly vendor: VendorSettings;
  readonly connectTimeoutMs: number;
  /** Called with the credentials of each request, from any provider, so that they can be redacted in errors. */
  readonly onIdentity: (identity: Identity) => void;
}

/** The credentials that the SDK signs with. */
export interface Identity {
  readonly accessKeyId?: string;
  readonly secretAccessKey?: string;
  readonly sessionToken?: string;
  /** The provider of the SDK's chain that found them. */
  readonly $source?: Readonly<Record<string, unknown>>;
}

/**
 * The SDK's client without the features that the publisher or the store has itself, or that they do not need: retries, the wait for
 * `100 Continue` (it costs one connection per request), checksums beyond the signature, redirects.
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
    // The SDK's chain reads its files again each time, so that rotated keys are found.
    ...{ ignoreCache: true },
    maxAttempts: 1,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    expectContinueHeader: false,
    followRegionRedirects: false,
    customUserAgent: 'sidepipe',
    logger: silent,
    requestHandler: boundResponses(
      new NodeHttpHandler({
        ...createAgents({ connections: config.concurrency, connectTimeoutMs, ...ca }),
        // The store's own deadline ends a call; the SDK's would only print a warning to the console.
        connectionTimeout: 0,
        requestTimeout: 0,
        socketTimeout: 0,
        // The publisher queues requests intentionally.
        socketAcquisitionWarningTimeout: 2_147_483_647,
        logger: silent,
      }),
    ),
  });
  client.middlewareStack.add(
    (next, context) => (args) => {
      const { identity } = (context['__smithy_context'] as SigningContext | undefined)?.selectedHttpAuthScheme ?? {};
      onIdentity(identity ?? {});
      return next(args);
    },
    { step: 'deserialize', name: 'sidepipeIdentity' },
  );
  return client;
}

interface SigningContext {
  readonly selectedHttpAuthScheme?: { readonly identity?: Identity };
}

/** Reads the SDK's chain again. Returns whether the key pair or token has changed. */
export async function renewCredentials(client: S3Client, before: Identity): Promise<boolean> {
  const provider = client.config.credentials as (options: { forceRefresh: boolean }) => Promise<Identity>;
  const found = await provider({ forceRefresh: true });
  const names = ['accessKeyId', 'secretAccessKey', 'sessionToken'] as const;
  return names.some((name) => found[name] !== before[name]);
}

const nothing = (): void => undefined;
const silent = { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing };

async function readAuthorities(path: string): Promise<string> {
  try {
    const text = await readFile(path, 'utf8');
    if (!text.includes('-----BEGIN CERTIFICATE-----')) throw new Error('it contains no PEM certificate');
    return text;
  } catch (error) {
    throw new SidepipeError(`storage.s3.caFile ${path} cannot be used: ${messageOf(error)}`, {
      code: 'storage-misconfigured',
      fault: 'storage',
      cause: error,
    });
  }
}
