/** The part of a `SourceBuffer` that is used here. */
interface Appendable {
  appendBuffer(data: ArrayBuffer | ArrayBufferView): void;
  abort(): void;
}

/**
 * Resets a source buffer at each initialization segment. WebKit on GStreamer (GNOME Web, WPE; seen in 2.50) accepts the
 * media after a second one without an error, but adds nothing to the buffer: playback would stop at the first change of
 * quality.
 */
export function beginAfresh(buffer: Appendable): void {
  const append = buffer.appendBuffer;
  let initializations = 0;
  buffer.appendBuffer = (data) => {
    if (isInitialization(data) && initializations++ > 0) buffer.abort();
    append.call(buffer, data);
  };
}

/** An initialization segment starts with the box `ftyp`, media with `moof`. */
function isInitialization(data: ArrayBuffer | ArrayBufferView): boolean {
  const bytes = ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
  return String.fromCharCode(...bytes.subarray(4, 8)) === 'ftyp';
}
