import type { StreamControl } from '../control/stream-control.js';
import type { Feed } from '../events/feed.js';
import type { Histories } from '../events/history.js';
import type { NodeLoadDescription } from '../load/description.js';
import type { StreamDirectory } from '../stream/live-stream.js';
import type { WebAssets } from '../web/assets.js';
import type { WebRtcSessions } from '../webrtc/sessions.js';
import type { WhepBroadcast } from '../webrtc/whep/broadcast.js';
import type { WhipIngest } from '../webrtc/whip/ingest.js';
import type { Access } from './access/access.js';
import type { NodePhase } from './health.js';
import type { ViewerIds } from './live/audience.js';

/** The part of a logger that the HTTP layer uses; pino's fits. */
export interface HttpLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Source of `/metrics`. */
export interface MetricsSource {
  render(): Promise<{ readonly body: string; readonly contentType: string }>;
}

/** The node as the HTTP layer sees it. */
export interface NodeView {
  /** Control of the streams; undefined before the node has started. */
  control(): StreamControl | undefined;
  /** Load of the machine; undefined if it is not watched. */
  load(): NodeLoadDescription | undefined;
  /** For `/readyz`. */
  phase(): NodePhase;
  /** Undefined: WebRTC is disabled. */
  readonly webrtc: WebRtcAccess | undefined;
}

/** WebRTC sessions, and what opens them. */
export interface WebRtcAccess {
  readonly sessions: WebRtcSessions;
  readonly whip: WhipIngest;
  /** A stream's viewers; undefined if there is no such stream. */
  readonly whep: (stream: string) => Pick<WhepBroadcast, 'open'> | undefined;
}

/** Shared dependencies of all route groups. */
export interface AppContext {
  readonly streams: StreamDirectory;
  /** Without a trailing slash; undefined: clients reach the node under the host of their request. */
  readonly publicUrl: string | undefined;
  /** The origins whose pages may frame `/embed/{stream}`; `*`: all. */
  readonly embedOrigins: readonly string[];
  /** RTMP port for publishers, shown on pages. */
  readonly rtmpPort: number;
  readonly metrics: MetricsSource;
  readonly feed: Feed;
  /** The last hour of the streams. */
  readonly histories: Pick<Histories, 'read'>;
  readonly node: NodeView;
  readonly access: Access;
  /** Anonymous ids for counting viewers. */
  readonly viewerIds: ViewerIds;
  readonly version: string;
  readonly log: HttpLog;
  readonly assets: WebAssets;
  /** Time of day, in milliseconds since the epoch: for dates and signatures. */
  readonly now: () => number;
  /** Milliseconds on a monotonic clock: for limits, sessions and other durations. */
  readonly steadyNow: () => number;
}
