/** sidepipe as a library: `createNode(config)`. */
export { type VerifyWebhookOptions, verifyWebhook } from './alerts/signature.js';
export type { Config, ConfigInput, StreamInput, StreamPatch } from './config/schema/schema.js';
export type { CreatedStream } from './control/stream-control.js';
export { type ErrorCode, type Fault, SidepipeError } from './errors.js';
export type * from './events/stream-series.js';
export type { SubscribeOptions, Subscription } from './events/topic.js';
export { type SignPlaybackOptions, signPlayback } from './http/access/playback-token.js';
export { createNode, type SidepipeNode } from './node/node.js';
export type { NodeOptions } from './node/node-options.js';
export type { NodeStreams } from './node/node-streams.js';
export type * from './stream/description.js';
export type { StreamDiagnosis } from './stream/diagnosis.js';
export type * from './stream/live-stream.js';
export type * from './stream/resources.js';
export type { StreamState } from './terms.js';
