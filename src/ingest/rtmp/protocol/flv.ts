import { createKeyframeFlush } from '../keyframe-flush.js';
import type { MediaEvent, MetadataEvent } from '../session-types.js';
import { noBytes, writeUint24, writeUint32 } from './bytes.js';
import { parseAudioTag, parseVideoTag } from './media-tag.js';
import { createTimeline } from './timeline.js';

export interface FlvWriter {
  /**
   * The file header with the metadata and sequence headers known so far. A new timeline starts at 0, and video starts at the next
   * keyframe, so that each reader gets a stream that is complete from its first byte.
   * `flushKeyframes`: the reader decodes only H.264 keyframes, see `createKeyframeFlush`.
   */
  begin(options?: { readonly flushKeyframes?: boolean }): Uint8Array[];
  /** The tag for an event; empty if the event is only remembered. */
  write(event: MediaEvent | MetadataEvent): Uint8Array;
  /** Remembers an event for later readers, without writing. */
  remember(event: MediaEvent | MetadataEvent): void;
  /** Whether an event contains another decoder configuration than the one written before. */
  isReconfiguration(event: MediaEvent | MetadataEvent): boolean;
  readonly codecs: { video?: string; audio?: string };
  readonly metadata: MetadataEvent | undefined;
}

const tagType = { audio: 8, video: 9, metadata: 18 } as const;
const tagHeaderBytes = 11;
/** `FLV`, version 1, audio and video, header size 9, and the size of the previous tag: 0. */
const fileHeader = Uint8Array.of(0x46, 0x4c, 0x56, 1, 5, 0, 0, 0, 9, 0, 0, 0, 0);

export function createFlvWriter(): FlvWriter {
  let timeline = createTimeline();
  let metadata: MetadataEvent | undefined;
  const sequenceHeaders: { video?: Uint8Array; audio?: Uint8Array } = {};
  const codecs: { video?: string; audio?: string } = {};
  let needsKeyframe = true;
  /** ffmpeg creates a subtitle stream for metadata among media, so metadata is written only at the start. */
  let takesMetadata = true;
  const untouched = (payload: Uint8Array) => payload;
  let prepareVideo = untouched;

  function inspect(event: MediaEvent | MetadataEvent): { isSequenceHeader: boolean; isKeyframe: boolean } {
    if (event.type === 'metadata') {
      metadata = event;
      return { isSequenceHeader: false, isKeyframe: false };
    }
    const tag = event.type === 'video' ? parseVideoTag(event.payload) : parseAudioTag(event.payload);
    if (tag.codec !== undefined) codecs[event.type] = tag.codec;
    if (tag.isSequenceHeader) sequenceHeaders[event.type] = event.payload;
    return tag;
  }

  return {
    codecs,
    get metadata() {
      return metadata;
    },
    begin({ flushKeyframes = false } = {}) {
      prepareVideo = flushKeyframes ? createKeyframeFlush() : untouched;
      timeline = createTimeline();
      needsKeyframe = true;
      const parts: Uint8Array[] = [fileHeader.slice()];
      takesMetadata = metadata === undefined;
      if (metadata !== undefined) parts.push(flvTag(tagType.metadata, 0, metadata.payload));
      if (sequenceHeaders.video !== undefined)
        parts.push(flvTag(tagType.video, 0, prepareVideo(sequenceHeaders.video)));
      if (sequenceHeaders.audio !== undefined) parts.push(flvTag(tagType.audio, 0, sequenceHeaders.audio));
      return parts;
    },
    remember(event) {
      inspect(event);
    },
    isReconfiguration({ type, payload }) {
      if (type === 'metadata') return false;
      const { codec, isSequenceHeader } = type === 'video' ? parseVideoTag(payload) : parseAudioTag(payload);
      const known = sequenceHeaders[type];
      if (codec !== undefined && codecs[type] !== undefined && codec !== codecs[type]) return true;
      return isSequenceHeader && known !== undefined && !sameBytes(known, payload);
    },
    write(event) {
      const { isSequenceHeader, isKeyframe } = inspect(event);
      if (event.type === 'metadata') {
        if (!takesMetadata) return noBytes;
        takesMetadata = false;
        return flvTag(tagType.metadata, 0, event.payload);
      }
      takesMetadata = false;
      // A sequence header can have any timestamp, often 0, so it must not move the timeline.
      const prepare = event.type === 'video' ? prepareVideo : untouched;
      if (isSequenceHeader) return flvTag(tagType[event.type], timeline.latest, prepare(event.payload));
      if (event.type === 'video') {
        if (needsKeyframe && !isKeyframe) return noBytes;
        needsKeyframe = false;
      }
      return flvTag(tagType[event.type], timeline.place(event.type, event.timestamp), prepare(event.payload));
    },
  };
}

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

/** A tag and its trailing size. `timestamp` is in milliseconds; its low 32 bits are written. */
function flvTag(type: number, timestamp: number, payload: Uint8Array): Uint8Array {
  const tag = new Uint8Array(tagHeaderBytes + payload.length + 4);
  tag[0] = type;
  writeUint24(tag, 1, payload.length);
  // ToInt32 truncates to 32 bits; the upper eight bits come last.
  writeUint24(tag, 4, timestamp | 0);
  tag[7] = (timestamp | 0) >>> 24;
  tag.set(payload, tagHeaderBytes);
  writeUint32(tag, tagHeaderBytes + payload.length, tagHeaderBytes + payload.length);
  return tag;
}
