/** What is used of a `SourceBuffer`. */
interface Appendable {
  appendBuffer(data: ArrayBuffer | ArrayBufferView): void;
  abort(): void;
}

/**
 * Makes a source buffer begin afresh with each initialization segment. WebKit on GStreamer (GNOME Web, WPE; seen in 2.50)
 * takes the media behind a second one without an error and without adding anything to what is buffered: the first change of
 * quality would be the end.
 */
export function beginAfresh(buffer: Appendable): void {
  const append = buffer.appendBuffer;
  let initializations = 0;
  buffer.appendBuffer = (data) => {
    if (isInitialization(data) && initializations++ > 0) buffer.abort();
    append.call(buffer, data);
  };
}

/** `ftyp` is the first box of it, `moof` of media. */
function isInitialization(data: ArrayBuffer | ArrayBufferView): boolean {
  const bytes = ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
  return String.fromCharCode(...bytes.subarray(4, 8)) === 'ftyp';
}
