const PACKET_BYTES = 188;

/** Cuts a transport stream into pieces of complete packets, so that a new viewer starts with one. Pure. */
export class PacketCutter {
  #rest: Uint8Array = new Uint8Array(0);

  /** The complete packets so far, in new memory; undefined if there are none. */
  push(piece: Uint8Array): Uint8Array | undefined {
    const bytes = this.#rest.length + piece.length;
    const whole = bytes - (bytes % PACKET_BYTES);
    const packets = new Uint8Array(bytes);
    packets.set(this.#rest);
    packets.set(piece, this.#rest.length);
    this.#rest = packets.subarray(whole);
    return whole === 0 ? undefined : packets.subarray(0, whole);
  }

  /** A new stream starts. */
  reset(): void {
    this.#rest = new Uint8Array(0);
  }
}
