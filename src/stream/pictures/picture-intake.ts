import type { SourceClock } from '../../frames/clock.js';
import type { DecodedPicture } from '../../frames/frame.js';
import { type PacketTime, PacketTimesParser } from '../../frames/packet-times.js';
import { LONGEST_WAIT_MS, SourceTime } from '../../frames/source-time.js';
import { NutSplitter } from '../../frames/splitter.js';

export interface PictureIntakeOptions {
  /** Whether ffmpeg tells of the source's packets. */
  readonly expectsPackets: boolean;
  /** Steady time in milliseconds. */
  readonly now: () => number;
  readonly delay: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Lends a buffer for the next picture. */
  readonly acquire: (bytes: number) => Uint8Array | undefined;
  /** A picture has come, whether it can be dated already or not. */
  readonly onArrived: () => void;
  readonly onPicture: (picture: DecodedPicture, capturedAt: number) => void;
  /** The source's picture has another shape now, which ffmpeg has no way to tell. */
  readonly onResized: () => void;
  /** One of the source's first packets came. */
  readonly onPacket: (packet: PacketTime) => void;
  /** How its first keyframe begins: parameter sets are in it. */
  readonly onKeyframeStart: (bytes: Uint8Array) => void;
}

/** What one ffmpeg run gives of pictures, and what it tells of its time, to dated pictures. */
export class PictureIntake {
  readonly #options: PictureIntakeOptions;
  readonly #time: SourceTime;
  readonly #splitter: NutSplitter;
  readonly #packets: PacketTimesParser;
  /** The newest picture that the clock could not date yet. */
  #held: { readonly picture: DecodedPicture; readonly arrivedAt: number } | undefined;
  readonly #over = new AbortController();

  constructor(options: PictureIntakeOptions) {
    const { acquire, now, onPacket, onKeyframeStart } = options;
    this.#options = options;
    this.#time = new SourceTime({ expectsPackets: options.expectsPackets });
    this.#splitter = new NutSplitter({
      acquire,
      onPicture: (picture) => this.#arrive(picture),
      onResized: options.onResized,
    });
    this.#packets = new PacketTimesParser({
      onPacket: (packet) => {
        onPacket(packet);
        this.#time.packet(packet.ptsSeconds, now());
        this.#release();
      },
      onKeyframeStart,
    });
  }

  get clock(): SourceClock {
    return this.#time.clock;
  }

  /** Bytes of ffmpeg's picture output. Throws `frame-invalid` on what is not NUT. */
  pictures(piece: Uint8Array): void {
    this.#splitter.push(piece);
  }

  /** Bytes of ffmpeg's packet times. */
  packetTimes(piece: Uint8Array): void {
    this.#packets.push(piece);
  }

  /** A line of ffmpeg's log: which demuxer reads the source is told nowhere else. */
  line({ text }: { readonly text: string }): void {
    const demuxers = /^Input #0, ([\w,]+), from /.exec(text)?.[1]?.split(',');
    // In a transport stream a packet has no length: it ends where the next begins, and the parser behind it looks for an end too.
    if (demuxers?.includes('mpegts')) this.#time.holds(2);
  }

  /** ffmpeg reported that it is at `outSeconds`, `frames` pictures after its beginning. */
  position(outSeconds: number, frames: number | undefined): void {
    const now = this.#options.now();
    this.#time.position(outSeconds, frames, now);
    this.#release();
  }

  #arrive(picture: DecodedPicture): void {
    this.#options.onArrived();
    // One that is held back is older, and its place is taken.
    this.#held = { picture, arrivedAt: this.#options.now() };
    // Now and not when it is dated: the clock takes what is older than the last for a clock set back.
    this.clock.observe(picture.ptsSeconds, this.#held.arrivedAt);
    this.#release();
    void this.#releaseInTime();
  }

  /** Nothing else may come before the next picture, which would take this one's place. */
  async #releaseInTime(): Promise<void> {
    if (this.#held === undefined) return;
    await this.#options.delay(LONGEST_WAIT_MS + 10, this.#over.signal).catch(() => {});
    if (!this.#over.signal.aborted) this.#release();
  }

  /** At the beginning ffmpeg hands out in one go what it has gathered while probing: its arrival says nothing of its time. */
  #release(): void {
    if (this.#held === undefined) return;
    const { picture, arrivedAt } = this.#held;
    if (!this.#time.canDate(arrivedAt, this.#options.now())) return;
    this.#held = undefined;
    const capturedAt = this.clock.timeOf(picture.ptsSeconds)!;
    this.#options.onPicture(picture, capturedAt);
  }

  /** The run is over: nothing more will be known of its time, and the picture that waits for it is the newest there is. */
  end(): void {
    this.#over.abort();
    if (this.#held === undefined) return;
    const { picture } = this.#held;
    this.#held = undefined;
    this.#options.onPicture(picture, this.clock.timeOf(picture.ptsSeconds)!);
  }
}
