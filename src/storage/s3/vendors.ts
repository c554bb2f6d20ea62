import { SidepipeError } from '../../errors.js';

/** What differs between the vendors of S3's interface. Pure. */

type Vendor = 'aws' | 'r2' | 'minio' | 'b2' | 'gcs' | 'ceph' | 'wasabi' | 'spaces' | 'other';

export interface VendorSettings {
  readonly vendor: Vendor;
  /** Undefined for AWS, whose endpoint follows from the region. */
  readonly endpoint: string | undefined;
  /** Undefined: the SDK looks into its environment. */
  readonly region: string | undefined;
  readonly forcePathStyle: boolean;
  /** Where to begin; what the store really does is found out by asking. */
  readonly batchDelete: 'crc32' | 'md5' | 'none';
}

interface Preset {
  readonly host?: RegExp;
  /** The region as the endpoint's host spells it. */
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
  // A server of one's own seldom has a DNS name for every bucket.
  other: { region: 'us-east-1', forcePathStyle: true },
};

export interface VendorInput {
  readonly vendor: Vendor | 'auto';
  readonly endpoint?: string | undefined;
  readonly region: string;
  readonly forcePathStyle?: boolean | undefined;
}

/** Throws `storage-misconfigured` when vendor and region leave the endpoint open. */
export function resolveVendor(input: VendorInput): VendorSettings {
  const vendor = input.vendor === 'auto' ? vendorOf(input.endpoint) : input.vendor;
  const preset = presets[vendor];
  const host = input.endpoint === undefined ? '' : new URL(input.endpoint).hostname;
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
    endpoint: input.endpoint ?? preset.endpoint?.(region ?? ''),
    region,
    forcePathStyle: input.forcePathStyle ?? preset.forcePathStyle ?? false,
    batchDelete: preset.batchDelete ?? 'crc32',
  };
}

function vendorOf(endpoint: string | undefined): Vendor {
  if (endpoint === undefined) return 'aws';
  const { hostname } = new URL(endpoint);
  const found = (Object.keys(presets) as Vendor[]).find((vendor) => presets[vendor].host?.test(hostname));
  return found ?? 'other';
}
