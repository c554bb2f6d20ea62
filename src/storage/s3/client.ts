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
  /** Told the credentials of each request, wherever they came from, so that errors can be rid of them. */
  readonly onIdentity: (identity: Identity) => void;
}

/** Credentials as the SDK signs with them. */
export interface Identity {
  readonly accessKeyId?: string;
  readonly secretAccessKey?: string;
  readonly sessionToken?: string;
  /** Where the SDK's chain found them. */
  readonly $source?: Readonly<Record<string, unknown>>;
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
    // Of the SDK's chain: files are read again when it is asked again, so that rotated keys are found.
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
        // The store's own deadline ends a call; the SDK's would only warn, on the console.
        connectionTimeout: 0,
        requestTimeout: 0,
        socketTimeout: 0,
        // The publisher queues on purpose.
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

/** Asks the SDK's chain again. Returns whether there is another key pair, or token, than before. */
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
