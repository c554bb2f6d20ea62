import { readUint32 } from '../../src/ingest/rtmp/protocol/bytes.js';

export interface FlvTag {
  readonly type: number;
  readonly timestamp: number;
  readonly payload: Uint8Array;
}

/** The whole tags of an FLV file. Throws at the first that is damaged; a tag cut off at the end is left out. */
export function parseFlv(bytes: Uint8Array): FlvTag[] {
  if (readUint32(bytes, 0) !== 0x464c5601 || bytes.length < 13) throw new Error('no FLV header');
  const tags: FlvTag[] = [];
  for (let at = 13; at + 15 <= bytes.length; ) {
    const start = at + 11;
    const end = start + (readUint32(bytes, at) & 0xffffff);
    if (end + 4 > bytes.length) break;
    if (readUint32(bytes, end) !== end - at) throw new Error(`wrong size behind the tag at ${at}`);
    const timestamp = ((bytes[at + 7]! << 24) | (readUint32(bytes, at + 3) & 0xffffff)) >>> 0;
    tags.push({ type: bytes[at]!, timestamp, payload: bytes.subarray(start, end) });
    at = end + 4;
  }
  return tags;
}
