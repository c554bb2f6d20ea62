export interface BodyBuffer {
  readonly bytes: number;
  append(piece: Uint8Array): void;
  /** Everything appended, in memory of its own and of exactly its size. Begins anew. */
  take(): Buffer;
}

const firstCapacity = 64 * 1024;

/**
 * Gathers a body of unknown length. The pieces are copied at once: keeping them would keep the socket's read buffers,
 * each much larger than the few bytes of a trickling segment in it.
 */
export function createBodyBuffer(): BodyBuffer {
  let memory: Buffer | undefined;
  let bytes = 0;
  return {
    get bytes() {
      return bytes;
    },
    append(piece) {
      const needed = bytes + piece.byteLength;
      if (memory === undefined || memory.byteLength < needed) {
        const larger = Buffer.allocUnsafeSlow(Math.max(firstCapacity, needed, 2 * (memory?.byteLength ?? 0)));
        memory?.copy(larger, 0, 0, bytes);
        memory = larger;
      }
      memory.set(piece, bytes);
      bytes = needed;
    },
    take() {
      const exact = Buffer.allocUnsafeSlow(bytes);
      memory?.copy(exact, 0, 0, bytes);
      memory = undefined;
      bytes = 0;
      return exact;
    },
  };
}
