/** Words that every layer uses: each list is declared once, and schemas are made of it. */

export const streamStates = ['idle', 'starting', 'live', 'recovering', 'failed'] as const;
/** The state of a stream as people see it. */
export type StreamState = (typeof streamStates)[number];

export const imageFormats = ['jpg', 'webp', 'avif', 'png'] as const;
/** A format of thumbnails and snapshots. */
export type ImageFormat = (typeof imageFormats)[number];

/** The content type of each format. */
export const imageContentTypes: Readonly<Record<ImageFormat, string>> = {
  jpg: 'image/jpeg',
  webp: 'image/webp',
  avif: 'image/avif',
  png: 'image/png',
};
/** Matches a format inside a larger regular expression, such as one for file names. */
export const imageFormatPattern = imageFormats.join('|');

/** A format of animated previews. */
export type PreviewFormat = 'webp' | 'gif';

export const imageStates = ['fresh', 'stale', 'offline'] as const;
/** `fresh`: younger than `staleAfterSeconds`. `stale`: the last good image, old. `offline`: the drawn image. */
export type ImageState = (typeof imageStates)[number];

export const gateStates = ['good', 'black', 'flat', 'frozen'] as const;
/** What a stream's video shows: `flat` is one shade all over, `frozen` does not change at all. */
export type GateState = (typeof gateStates)[number];

export const loadLevels = ['normal', 'slowed', 'refusing'] as const;
/** How much the node does without because the machine is busy, from nothing to the most. */
export type LoadLevel = (typeof loadLevels)[number];

export const loadSignals = ['cpu', 'event-loop', 'memory', 'encoder'] as const;
/** Which measure of the load is beyond its limit. */
export type LoadSignal = (typeof loadSignals)[number];

export const publicationStates = ['idle', 'waiting', 'publishing', 'refused', 'losing', 'standby', 'ended'] as const;
/**
 * `idle`: nothing to publish, so no lease is held. `waiting`: no answer about the lease yet. `publishing`. `standby`: another node
 * writes this stream; nothing is uploaded. `ended`: closed. While it publishes: `refused`: the store does not accept objects of the
 * stream, which wait; `losing`: segments were lost within the last half minute.
 */
export type PublicationState = (typeof publicationStates)[number];

export const alertNames = [
  'stale',
  'black',
  'flat',
  'frozen',
  'offline',
  'lagging',
  'unreadable',
  'refused',
  'gaps',
  'unpublished',
] as const;
/** A problem of a stream that raises an alert. */
export type AlertName = (typeof alertNames)[number];
