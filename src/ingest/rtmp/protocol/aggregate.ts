import { readUint24 } from './bytes.js';
import { messageType, type RtmpMessage } from './message.js';

const tagHeaderBytes = 11;
const backPointerBytes = 4;

/** The audio, video and data messages in an aggregate (RTMP 1.0, section 7.1.6), or undefined if it is malformed. */
export function splitAggregate(message: RtmpMessage): RtmpMessage[] | undefined {
  const { payload } = message;
  const parts: RtmpMessage[] = [];
  let firstTimestamp: number | undefined;
  for (let at = 0; at < payload.length; ) {
    const start = at + tagHeaderBytes;
    if (start > payload.length) return undefined;
    const end = start + readUint24(payload, at + 1);
    if (end > payload.length) return undefined;
    const type = payload[at]!;
    const own = (readUint24(payload, at + 4) | (payload[at + 7]! << 24)) >>> 0;
    firstTimestamp ??= own;
    // The aggregate's timestamp is that of its first part.
    const timestamp = (message.timestamp + own - firstTimestamp) >>> 0;
    if (type === messageType.audio || type === messageType.video || type === messageType.dataAmf0) {
      parts.push({ ...message, type, timestamp, payload: payload.slice(start, end) });
    }
    at = end + backPointerBytes;
  }
  return parts;
}
