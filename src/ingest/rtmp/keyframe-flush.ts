import { parseVideoTag } from './protocol/media-tag.js';

/**
 * "End of sequence" (H.264 7.3.2.5), on which a decoder outputs the frames that it holds back. The standard requires `nal_ref_idc` 0, but
 * a decoder that skips non-reference frames would then ignore it.
 */
const END_OF_SEQUENCE = 0x6a;

/**
 * Adapts video tags for a decoder that decodes only keyframes. With B-frames a decoder holds each frame back until as many frames have
 * followed it as the stream may reorder; with keyframes alone that takes whole GOPs. So an "end of sequence" follows each H.264 keyframe.
 * It is wrong for every other reader, and must be removed (`filter_units=remove_types=10`) on the way to them. Pure.
 */
export function createKeyframeFlush(): (payload: Uint8Array) => Uint8Array {
  let lengthBytes: number | undefined;
  let isBehindKeyframe = false;
  return (payload) => {
    const { codec, isSequenceHeader, isKeyframe } = parseVideoTag(payload);
    if (codec !== 'h264' || payload[0]! >= 0x80) return payload;
    // Five bytes of tag header, then version, profile, constraints, level and NAL length size.
    if (isSequenceHeader) lengthBytes = payload.length > 9 ? (payload[9]! & 3) + 1 : undefined;
    const isPicture = payload[1] === 1;
    if (!isPicture) return payload;
    const isMarked = isBehindKeyframe && lengthBytes !== undefined;
    isBehindKeyframe = isKeyframe;
    return isMarked ? withUnit(payload, lengthBytes!) : payload;
  };
}

function withUnit(payload: Uint8Array, lengthBytes: number): Uint8Array {
  const marked = new Uint8Array(payload.length + lengthBytes + 1);
  marked.set(payload);
  marked[payload.length + lengthBytes - 1] = 1;
  marked[payload.length + lengthBytes] = END_OF_SEQUENCE;
  return marked;
}
