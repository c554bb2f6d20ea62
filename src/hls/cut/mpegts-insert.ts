/** ISO/IEC 13818-1 2.4.3.2. */
const PACKET_BYTES = 188;
const HEADER_BYTES = 4;
const MAX_PAYLOAD_BYTES = PACKET_BYTES - HEADER_BYTES;
const SYNC_BYTE = 0x47;

/**
 * The first packets of a PES packet after inserting `bytes` into its first packet at `offset`: that packet, and those for what no longer
 * fits. Continuity counters continue from the first; those of all later packets of the PID must be increased. Pure.
 */
export function insertIntoPacket(packet: Uint8Array, offset: number, bytes: Uint8Array): Uint8Array {
  const count = Math.ceil(bytes.length / MAX_PAYLOAD_BYTES);
  const packets = new Uint8Array((1 + count) * PACKET_BYTES);
  const content = new Uint8Array(bytes.length + PACKET_BYTES - offset);
  content.set(bytes);
  content.set(packet.subarray(offset), bytes.length);
  packets.set(packet.subarray(0, offset));
  packets.set(content.subarray(0, PACKET_BYTES - offset), offset);
  for (let index = 1, taken = PACKET_BYTES - offset; index <= count; index += 1) {
    const payload = content.subarray(taken, taken + MAX_PAYLOAD_BYTES);
    taken += payload.length;
    writePacket(packets.subarray(index * PACKET_BYTES, (index + 1) * PACKET_BYTES), packet, index, payload);
  }
  return packets;
}

/** Increases a packet's continuity counter. */
export function raiseCounter(packet: Uint8Array, by: number): void {
  packet[3] = (packet[3]! & 0xf0) | ((packet[3]! + by) & 0x0f);
}

function writePacket(target: Uint8Array, first: Uint8Array, index: number, payload: Uint8Array): void {
  const stuffing = MAX_PAYLOAD_BYTES - payload.length;
  target.fill(0xff);
  target[0] = SYNC_BYTE;
  // Without payload_unit_start_indicator and without scrambling.
  target[1] = first[1]! & 0x3f;
  target[2] = first[2]!;
  target[3] = (stuffing > 0 ? 0x30 : 0x10) | ((first[3]! + index) & 0x0f);
  // ISO/IEC 13818-1 2.4.3.5: an adaptation field consists of its length, flags if it is not empty, and stuffing.
  if (stuffing > 0) target[4] = stuffing - 1;
  if (stuffing > 1) target[5] = 0;
  target.set(payload, HEADER_BYTES + stuffing);
}
