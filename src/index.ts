/** sidepipe as a library: `createNode(config)`. Every type of a signature is exported by name; a test checks it. */
export { type VerifyWebhookOptions, verifyWebhook } from './alerts/signature.js';
export type { Config, ConfigInput, MergePatch, StreamInput, StreamPatch } from './config/schema/schema.js';
export type { CreatedStream } from './control/stream-control.js';
export { type ErrorCode, type Fault, SidepipeError, type SidepipeErrorOptions } from './errors.js';
export type { Condition, ConditionChange } from './events/condition-changes.js';
export type { Segment, StateChange, StreamSeries, Thumbnail } from './events/stream-series.js';
export type { Subscribable, SubscribeOptions, Subscription } from './events/topic.js';
export type { GuardOptions } from './ffmpeg/guard.js';
export type { DecodedPicture, Frame } from './frames/frame.js';
export { type SignPlaybackOptions, signPlayback } from './http/access/playback-token.js';
export type { HttpAddress } from './http/server.js';
export type { EncodedImage } from './images/picture.js';
export type { RejectedFrame } from './images/rejected-frames.js';
export type { ListenAddress, RtmpAddresses } from './ingest/rtmp/server-types.js';
export type { Machine } from './load/host.js';
export type { MachineReading } from './load/measures.js';
export { createNode, type SidepipeNode } from './node/node.js';
export type { NodeOptions } from './node/node-options.js';
export type { NodeStreams } from './node/node-streams.js';
export type { PlaybackUrls, RenditionDescription, SourceWarning, StreamDescription } from './stream/description.js';
export type { StreamDiagnosis } from './stream/diagnosis.js';
export type {
  Audience,
  HlsView,
  ImagesView,
  LiveStream,
  LowLatencyView,
  MonitorView,
  NodeStream,
  PlaybackKey,
  PlayerReport,
  SnapshotOptions,
  StillsPage,
  StillsQuery,
  ViewerId,
  WantedPosition,
} from './stream/live-stream.js';
export type { NotReady, StreamReadiness } from './stream/readiness.js';
export type {
  ImageResource,
  ImmutableImage,
  MediaResource,
  PlaylistResource,
  SheetResource,
  SnapshotResource,
} from './stream/resources.js';
export type { RestartPolicy } from './stream/run/restart-policy.js';
export type { LogDestination, LogFacts, NodeLogger } from './telemetry/logger.js';
export type { GateState, ImageFormat, ImageState, PreviewFormat, PublicationState, StreamState } from './terms.js';
