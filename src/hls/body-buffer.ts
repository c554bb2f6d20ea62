export interface BodyBuffer {
  readonly bytes: number;
  append(piece: Uint8Array): void;
  /** Everything appended, in memory of its own and of exactly its size. Begins anew. */
  take(): Buffer;
}

/** What one body was gathered in, for the next large one: else each leaves several times its size to the garbage collector. */
export interface SpareMemory {
  memory: Buffer | undefined;
}

const firstCapacity = 64 * 1024;
/** Memory so many times as large as what was gathered in it last is not kept. */
const mostSpare = 4;

/**
 * Gathers a body of unknown length. The pieces are copied at once: keeping them would keep the socket's read buffers,
 * each much larger than the few bytes of a trickling segment in it.
 */
export function createBodyBuffer(spare: SpareMemory = { memory: undefined }): BodyBuffer {
  let memory: Buffer | undefined;
  let bytes = 0;
  return {
    get bytes() {
      return bytes;
    },
    append(piece) {
      const needed = bytes + piece.byteLength;
      if (memory === undefined || memory.byteLength < needed) {
        const capacity = Math.max(firstCapacity, needed, 2 * (memory?.byteLength ?? 0));
        const larger = (capacity > firstCapacity && takeSpare(spare, capacity)) || Buffer.allocUnsafeSlow(capacity);
        memory?.copy(larger, 0, 0, bytes);
        memory = larger;
      }
      memory.set(piece, bytes);
      bytes = needed;
    },
    take() {
      const exact = Buffer.allocUnsafeSlow(bytes);
      memory?.copy(exact, 0, 0, bytes);
      if (memory && memory.byteLength > firstCapacity && memory.byteLength <= mostSpare * bytes) spare.memory = memory;
      memory = undefined;
      bytes = 0;
      return exact;
    },
  };
}

function takeSpare(spare: SpareMemory, bytes: number): Buffer | undefined {
  const { memory } = spare;
  if (memory === undefined || memory.byteLength < bytes) return undefined;
  spare.memory = undefined;
  return memory;
}
