import type { SourceClock } from '../../frames/clock.js';
import type { DecodedPicture, FrameConsumer } from '../../frames/frame.js';
import { NutSplitter } from '../../frames/nut-demuxer.js';
import { type PacketTime, PacketTimesParser } from '../../frames/packet-times.js';
import { LONGEST_WAIT_MS, SourceTime } from '../../frames/source-time.js';

export interface PictureIntakeOptions {
  /** Whether ffmpeg reports the source's packets. */
  readonly expectsPackets: boolean;
  /** Steady time in milliseconds. */
  readonly now: () => number;
  readonly delay: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Takes the frames. */
  readonly frames: FrameConsumer;
  /** A frame arrived, whether it can be dated yet or not. */
  readonly onArrived: () => void;
  /** The capture time of a frame is known, so it is passed on. */
  readonly onDated: (ptsSeconds: number) => void;
  /** The source's frames have another aspect ratio now, which ffmpeg does not announce. */
  readonly onResized: () => void;
  /** One of the source's first packets arrived. */
  readonly onPacket: (packet: PacketTime) => void;
  /** The start of its first keyframe, with the parameter sets. */
  readonly onKeyframeStart: (bytes: Uint8Array) => void;
}

interface HeldPicture {
  readonly picture: DecodedPicture;
  readonly arrivedAt: number;
}

/** Turns the frames of one ffmpeg run, and what it reports about time, into dated frames. */
export class PictureIntake {
  readonly #options: PictureIntakeOptions;
  readonly #time: SourceTime;
  readonly #splitter: NutSplitter;
  readonly #packets: PacketTimesParser;
  /** The newest frame that the clock could not date yet. */
  #held: HeldPicture | undefined;
  /** A timer will date the waiting frame. */
  #isTimed = false;
  readonly #over = new AbortController();

  constructor(options: PictureIntakeOptions) {
    const { frames, now, onPacket, onKeyframeStart } = options;
    this.#options = options;
    this.#time = new SourceTime({ expectsPackets: options.expectsPackets });
    this.#splitter = new NutSplitter({
      frames,
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

  /** Takes bytes of ffmpeg's frame output. Throws `frame-invalid` on data that is not NUT. */
  pictures(piece: Uint8Array): void {
    this.#splitter.push(piece);
  }

  /** Takes bytes of ffmpeg's packet times. */
  packetTimes(piece: Uint8Array): void {
    this.#packets.push(piece);
  }

  /** Takes a line of ffmpeg's log, the only place that names the demuxer of the source. */
  line({ text }: { readonly text: string }): void {
    const demuxers = /^Input #0, ([\w,]+), from /.exec(text)?.[1]?.split(',');
    // A packet in MPEG-TS has no length: it ends where the next one starts, and the parser after the demuxer looks for an end as well.
    if (demuxers?.includes('mpegts')) this.#time.holds(2);
  }

  /** ffmpeg reported that it is at `outSeconds`, `frames` frames after its start. */
  position(outSeconds: number, frames: number | undefined): void {
    const now = this.#options.now();
    this.#time.position(outSeconds, frames, now);
    this.#release();
  }

  #arrive(picture: DecodedPicture): void {
    this.#options.onArrived();
    // A waiting frame is older, and is replaced.
    this.#held = { picture, arrivedAt: this.#options.now() };
    // Now and not when it is dated: the clock would take an older timestamp for a clock that was set back.
    this.clock.observe(picture.ptsSeconds, this.#held.arrivedAt);
    this.#release();
    void this.#releaseInTime();
  }

  /**
   * Dates a waiting frame before the next one arrives, which would replace it. One timer for all frames that replace each other: ffmpeg can
   * output dozens while none can be dated.
   */
  async #releaseInTime(): Promise<void> {
    if (this.#isTimed) return;
    this.#isTimed = true;
    const { delay, now } = this.#options;
    const { signal } = this.#over;
    let timed: HeldPicture | undefined;
    while (this.#held !== undefined && this.#held !== timed && !signal.aborted) {
      timed = this.#held;
      await delay(timed.arrivedAt + LONGEST_WAIT_MS + 10 - now(), signal).catch(() => {});
      if (!signal.aborted) this.#release();
    }
    this.#isTimed = false;
  }

  /** At the start ffmpeg outputs at once what it buffered while probing, so the arrival time means nothing. */
  #release(): void {
    if (this.#held === undefined) return;
    const { picture, arrivedAt } = this.#held;
    if (!this.#time.canDate(arrivedAt, this.#options.now())) return;
    this.#pass(picture);
  }

  /** The run is over: nothing more will be known about its time, and the waiting frame is the newest one. */
  end(): void {
    this.#over.abort();
    if (this.#held === undefined) return;
    this.#pass(this.#held.picture);
  }

  #pass(picture: DecodedPicture): void {
    const { frames, onDated } = this.#options;
    this.#held = undefined;
    onDated(picture.ptsSeconds);
    frames.offer(picture, this.clock.timeOf(picture.ptsSeconds)!);
  }
}
