import { SidepipeError } from '../../errors.js';

/** Differences between vendors of the S3 API. Pure. */

type Vendor = 'aws' | 'r2' | 'minio' | 'b2' | 'gcs' | 'ceph' | 'wasabi' | 'spaces' | 'other';

export interface VendorSettings {
  readonly vendor: Vendor;
  /** Undefined for AWS, whose endpoint follows from the region. */
  readonly endpoint: string | undefined;
  /** Undefined: the SDK reads its environment. */
  readonly region: string | undefined;
  readonly forcePathStyle: boolean;
  /** The digest to try first; the store's real behaviour is detected. */
  readonly batchDelete: 'crc32' | 'md5' | 'none';
  /** The bucket was part of the endpoint and was removed from it: a sentence for the log. */
  readonly notice: string | undefined;
}

interface Preset {
  readonly host?: RegExp;
  /** The region in the endpoint's host name. */
  readonly regionInHost?: RegExp;
  readonly region?: string;
  readonly endpoint?: (region: string) => string;
  readonly forcePathStyle?: boolean;
  readonly batchDelete?: 'md5' | 'none';
}

const presets: Readonly<Record<Vendor, Preset>> = {
  aws: { host: /\.amazonaws\.com(\.cn)?$/, regionInHost: /(?:^|\.)s3[.-]([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws/ },
  r2: { host: /\.r2\.cloudflarestorage\.com$/, region: 'auto' },
  b2: {
    host: /\.backblazeb2\.com$/,
    regionInHost: /^s3\.([a-z0-9-]+)\.backblazeb2/,
    endpoint: (region) => `https://s3.${region}.backblazeb2.com`,
    batchDelete: 'md5',
  },
  gcs: {
    host: /(^|\.)storage\.googleapis\.com$/,
    region: 'auto',
    endpoint: () => 'https://storage.googleapis.com',
    batchDelete: 'md5',
  },
  wasabi: {
    host: /\.wasabisys\.com$/,
    regionInHost: /^s3\.([a-z0-9-]+)\.wasabisys/,
    region: 'us-east-1',
    endpoint: (region) => `https://s3.${region}.wasabisys.com`,
  },
  spaces: {
    host: /\.digitaloceanspaces\.com$/,
    regionInHost: /^([a-z0-9-]+)\.digitaloceanspaces/,
    region: 'us-east-1',
  },
  minio: { region: 'us-east-1', forcePathStyle: true },
  ceph: { region: 'us-east-1', forcePathStyle: true },
  // A self-hosted server rarely has a DNS name for every bucket.
  other: { region: 'us-east-1', forcePathStyle: true },
};

export interface VendorInput {
  readonly bucket: string;
  readonly vendor: Vendor | 'auto';
  readonly endpoint?: string | undefined;
  readonly region: string;
  readonly forcePathStyle?: boolean | undefined;
}

/**
 * Throws `storage-misconfigured` if vendor and region do not determine the endpoint, or if the endpoint names another bucket. The bucket
 * itself may be part of the endpoint, as on the vendors' pages: it is removed.
 */
export function resolveVendor(input: VendorInput): VendorSettings {
  const vendor = input.vendor === 'auto' ? vendorOf(input.endpoint) : input.vendor;
  const preset = presets[vendor];
  const endpoint = input.endpoint === undefined ? undefined : withoutBucket(input.endpoint, input.bucket);
  const host = endpoint === undefined ? '' : new URL(endpoint).hostname;
  const region = input.region === 'auto' ? (preset.regionInHost?.exec(host)?.[1] ?? preset.region) : input.region;
  if (input.endpoint === undefined && vendor !== 'aws' && (!preset.endpoint || region === undefined)) {
    const missing = preset.endpoint ? 'region' : 'endpoint';
    throw new SidepipeError(`storage.s3.${missing} is needed for the vendor ${vendor}`, {
      code: 'storage-misconfigured',
      fault: 'storage',
    });
  }
  return {
    vendor,
    endpoint: endpoint ?? preset.endpoint?.(region ?? ''),
    region,
    forcePathStyle: input.forcePathStyle ?? preset.forcePathStyle ?? false,
    batchDelete: preset.batchDelete ?? 'crc32',
    notice:
      endpoint === input.endpoint
        ? undefined
        : `storage.s3.endpoint contains the bucket (${input.bucket}), which storage.s3.bucket names already; ${endpoint} is used`,
  };
}

/** The endpoint without the bucket, which can be the last part of its path or, if the vendor's host is known, the first label of the host. */
function withoutBucket(endpoint: string, bucket: string): string {
  const url = new URL(endpoint);
  const preset = Object.values(presets).find(({ host }) => host?.test(url.hostname));
  const path = url.pathname.replace(/\/+$/, '');
  const isBucketPath = path === `/${bucket}`;
  if (preset !== undefined && path !== '' && !isBucketPath) {
    throw endpointError(
      `storage.s3.endpoint has the path ${path}, which is not the bucket ${bucket}: remove it (keys go under storage.s3.prefix)`,
    );
  }
  const isBucketHost = preset !== undefined && url.hostname.startsWith(`${bucket}.`) && !isServiceHost(url.hostname);
  if (!isBucketPath && !isBucketHost) {
    const [, other] = /^(.+)\.s3[.-][a-z0-9.-]+\.(?:amazonaws|wasabisys|backblazeb2)\.com/.exec(url.hostname) ?? [];
    if (other === undefined) return endpoint;
    throw endpointError(
      `storage.s3.endpoint names the bucket ${other}, storage.s3.bucket is ${bucket}: remove it from the endpoint`,
    );
  }
  const host = isBucketHost ? url.host.slice(bucket.length + 1) : url.host;
  return `${url.protocol}//${host}${isBucketPath ? '' : path}`;
}

/** A bucket can be named `s3`: the first label of the vendor's own host is still not the bucket. */
function isServiceHost(hostname: string): boolean {
  return /^s3[.-][a-z0-9-]+\.(?:amazonaws|wasabisys|backblazeb2)\.com|^storage\.googleapis\.com$/.test(hostname);
}

function endpointError(message: string): SidepipeError {
  return new SidepipeError(message, { code: 'storage-misconfigured', fault: 'storage' });
}

function vendorOf(endpoint: string | undefined): Vendor {
  if (endpoint === undefined) return 'aws';
  const { hostname } = new URL(endpoint);
  const found = (Object.keys(presets) as Vendor[]).find((vendor) => presets[vendor].host?.test(hostname));
  return found ?? 'other';
}
