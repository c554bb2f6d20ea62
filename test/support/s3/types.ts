import type { Bucket, Commit, StoredItem } from './bucket.js';
import type { Fault, FaultPlan } from './faults.js';
import type { ServerSettings } from './settings.js';
import type { Credentials } from './signature.js';

export interface S3ServerOptions {
  readonly buckets?: readonly string[];
  readonly credentials?: readonly Credentials[];
  readonly region?: string;
  readonly settings?: Partial<ServerSettings>;
  /** Of the random faults. */
  readonly seed?: number;
  /** PEM texts: the server speaks https. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** S3's own 5 MiB unless told. */
  readonly minPartBytes?: number;
  /** 0: any free port. */
  readonly port?: number;
  /** How long a connection without a request is kept; Node's own default unless told. */
  readonly keepAliveMs?: number;
}

export interface LogEntry {
  /** Milliseconds since the epoch, by the machine's clock. */
  readonly at: number;
  readonly method: string;
  /** S3's name, such as `PutObject`; undefined when the request did not get so far. */
  readonly operation: string | undefined;
  readonly bucket: string | undefined;
  readonly key: string | undefined;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly requestBytes: number;
  /** Undefined: no answer was sent. */
  readonly status: number | undefined;
  /** S3's error code. */
  readonly code: string | undefined;
  readonly faults: readonly Fault['kind'][];
}

export interface S3Server {
  /** `http://127.0.0.1:port`. */
  readonly endpoint: string;
  readonly credentials: Credentials;
  readonly region: string;
  readonly settings: ServerSettings;
  readonly faults: FaultPlan;
  /** Every request that has ended, in the order of their ends. */
  readonly log: readonly LogEntry[];
  /** Connections accepted so far, and the most at one time. */
  readonly connections: { readonly total: number; readonly peak: number };
  objects(bucket?: string): ReadonlyMap<string, StoredItem>;
  uploads(bucket?: string): Bucket['uploads'];
  /** Called after each commit and before the next one; the returned function ends it. */
  observe(observer: (commit: Commit) => void): () => void;
  clearLog(): void;
  close(): Promise<void>;
}
