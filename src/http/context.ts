import type { StreamControl } from '../control/stream-control.js';
import type { Feed } from '../events/feed.js';
import type { Histories } from '../events/history.js';
import type { NodeLoadDescription } from '../load/description.js';
import type { StreamDirectory } from '../stream/live-stream.js';
import type { WebAssets } from '../web/assets.js';
import type { Admin } from './access/auth.js';
import type { ClientReader } from './access/client.js';
import type { Cors } from './access/cors.js';
import type { NodePhase } from './health.js';
import type { ViewerIds } from './live/audience.js';

/** The part of a logger that the HTTP layer uses; pino's fits. */
export interface HttpLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Where `/metrics` comes from. */
export interface MetricsSource {
  render(): Promise<{ readonly body: string; readonly contentType: string }>;
}

/** What every group of routes is made from. */
export interface AppContext {
  readonly streams: StreamDirectory;
  /** Without a slash at its end; undefined: people reach the node under the address that they typed. */
  readonly publicUrl: string | undefined;
  /** The origins whose pages may frame `/embed/{stream}`; `*`: all. */
  readonly embedOrigins: readonly string[];
  /** Where publishers are taken in, for the words on the pages. */
  readonly rtmpPort: number;
  readonly metrics: MetricsSource;
  readonly feed: Feed;
  /** The last hour of the streams. */
  readonly histories: Pick<Histories, 'read'>;
  /** What operators do to the streams; undefined before the node has begun. */
  readonly control: () => StreamControl | undefined;
  /** What the machine has to do; undefined where nobody watches it. */
  readonly load: () => NodeLoadDescription | undefined;
  /** Guards what changes or costs something; routes ask `requireAdmin`. */
  readonly admin: Admin;
  /** Who asks, the word of trusted proxies taken. */
  readonly clientOf: ClientReader;
  /** Undefined where every origin may read what is open. */
  readonly cors: Cors | undefined;
  /** Ids under which viewers are counted. */
  readonly viewerIds: ViewerIds;
  /** What the node is doing, for `/readyz`. */
  readonly phase: () => NodePhase;
  readonly version: string;
  readonly log: HttpLog;
  readonly assets: WebAssets;
  /** The time of day, in milliseconds since the epoch: for dates and for what others signed. */
  readonly now: () => number;
  /** Milliseconds on a clock that is never set: for limits, sessions and all else that lasts. */
  readonly steadyNow: () => number;
}
