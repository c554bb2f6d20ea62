/** How the server behaves; tests change it while the server runs. */
export interface ServerSettings {
  /** The server's clock runs this much ahead (negative: behind). */
  clockSkewMs: number;
  /** R2 and GCS: a second write to a key within one second is 429. */
  oneWriteASecond: boolean;
  /** Anyone may GET and HEAD objects without a signature. */
  publicRead: boolean;
  /** Most keys in one page of a listing. */
  pageSize: number;
  /** `aws`: 400 AccessControlListNotSupported, `r2`: 501 NotImplemented, `b2`: 400 InvalidArgument. */
  refuseAcl: false | 'aws' | 'r2' | 'b2';
  /** `x-amz-checksum-*` headers are unknown. */
  refuseChecksum: boolean;
  /**
   * `refuse`: 501. `ignore`: written whatever the condition. `if-match-bare`: an ETag in quotes is never the right one
   * (Ceph 16). `if-match-broken`: If-Match is always 412.
   */
  conditionalPut: 'honour' | 'refuse' | 'ignore' | 'if-match-bare' | 'if-match-broken';
  /** `md5`: only with Content-MD5. `refuse`: unknown. */
  batchDelete: 'any' | 'md5' | 'refuse';
  /** Bytes of the largest object of one PUT. */
  maxObjectBytes: number;
  cors: CorsRule | undefined;
}

export interface CorsRule {
  /** `*` or origins as browsers send them. */
  readonly origins: readonly string[];
  readonly methods: readonly string[];
  readonly exposeHeaders: readonly string[];
}

export const defaultSettings: ServerSettings = {
  clockSkewMs: 0,
  oneWriteASecond: false,
  publicRead: false,
  pageSize: 1000,
  refuseAcl: false,
  refuseChecksum: false,
  conditionalPut: 'honour',
  batchDelete: 'any',
  maxObjectBytes: 5 * 1024 ** 3,
  cors: undefined,
};
