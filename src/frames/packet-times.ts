/** One packet of the source's video, as ffmpeg's `framecrc` muxer tells of it. */
export interface PacketTime {
  readonly ptsSeconds: number;
  readonly isKey: boolean;
}

const MAX_UNFINISHED = 16_384;

/**
 * Parses the lines that ffmpeg's `framecrc` writes, cut anywhere: `stream, dts, pts, duration, size, checksum`, then `F=0x0` where
 * the packet is no keyframe. Lines that are anything else are passed over. Pure.
 */
export class PacketTimesParser {
  readonly #onPacket: (packet: PacketTime) => void;
  readonly #decoder = new TextDecoder();
  #unfinished = '';
  #tickSeconds: number | undefined;

  constructor(onPacket: (packet: PacketTime) => void) {
    this.#onPacket = onPacket;
  }

  push(bytes: Uint8Array): void {
    const lines = (this.#unfinished + this.#decoder.decode(bytes, { stream: true })).split('\n');
    this.#unfinished = lines.pop()!.slice(-MAX_UNFINISHED);
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    const [, numerator, denominator] = /^#tb 0: (\d+)\/(\d+)\s*$/.exec(line) ?? [];
    if (numerator !== undefined) this.#tickSeconds = Number(numerator) / Number(denominator);
    const [, pts] = /^0, *-?\d+, *(-?\d+), *\d+, *\d+, 0x/.exec(line) ?? [];
    if (pts === undefined || this.#tickSeconds === undefined) return;
    const flags = /, F=0x([0-9a-f]+)/i.exec(line)?.[1];
    const isKey = flags === undefined || Number.parseInt(flags, 16) % 2 === 1;
    this.#onPacket({ ptsSeconds: Number(pts) * this.#tickSeconds, isKey });
  }
}
