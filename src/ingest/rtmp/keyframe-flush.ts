import { parseVideoTag } from './protocol/media-tag.js';

/**
 * "End of sequence" (H.264 7.3.2.5), on which a decoder hands out what it holds back. `nal_ref_idc`, which shall be 0 here, is not: a
 * decoder that is told to skip what nothing refers to would never see it.
 */
const END_OF_SEQUENCE = 0x6a;

/**
 * Video tags on their way to a decoder that decodes keyframes alone. With B-frames it holds each back until as many pictures have
 * followed it as the stream may reorder, and of keyframes alone those come whole groups of pictures later. So the
 * picture behind each H.264 keyframe ends with an "end of sequence". That is wrong for everyone else, and has to be taken out again
 * (`filter_units=remove_types=10`) on the way to them. Pure.
 */
export function createKeyframeFlush(): (payload: Uint8Array) => Uint8Array {
  let lengthBytes: number | undefined;
  let isBehindKeyframe = false;
  return (payload) => {
    const { codec, isSequenceHeader, isKeyframe } = parseVideoTag(payload);
    if (codec !== 'h264' || payload[0]! >= 0x80) return payload;
    // Five bytes of the tag, then version, profile, constraints, level, and how long lengths are.
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
