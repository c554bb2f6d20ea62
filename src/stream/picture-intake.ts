import type { StreamConfig } from '../config/schema.js';
import type { Capabilities } from '../ffmpeg/capabilities.js';
import { msPerSecondOfChoosing } from '../ffmpeg/chosen-keyframes.js';
import type { SourceClock } from '../frames/clock.js';
import { type DecodeChoice, DecodeMeter } from '../frames/decode.js';
import { FirstKeyframe } from '../frames/first-keyframe.js';
import type { DecodedPicture } from '../frames/frame.js';
import { PacketTimesParser } from '../frames/packet-times.js';
import { SourceTime } from '../frames/source-time.js';
import { NutSplitter } from '../frames/splitter.js';

/** More do not come between two reports, but where pictures are gathered at the beginning. */
const UNJUDGED_PICTURES = 16;

export interface PictureIntakeOptions {
  readonly capabilities: Pick<Capabilities, 'libavformat'>;
  readonly config: StreamConfig;
  /** Whether the source's own video is passed on, so that it is decoded for pictures only. */
  readonly isCopied: boolean;
  /** Whether ffmpeg tells of the source's packets. */
  readonly expectsPackets: boolean;
  readonly decode: DecodeChoice;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Lends a buffer for the next picture. */
  readonly acquire: (bytes: number) => Uint8Array | undefined;
  /** A picture has come, whether it can be dated already or not. */
  readonly onArrived: () => void;
  readonly onPicture: (picture: DecodedPicture, capturedAt: number) => void;
  /** The source's picture has another shape now, which ffmpeg has no way to tell. */
  readonly onResized: () => void;
  /** Pictures should be decoded in another way. */
  readonly onBetter: (choice: DecodeChoice) => void;
  /** Where a keyframe is kept, where keyframes could be chosen. */
  readonly shelf?: { newest: Uint8Array | undefined; hasOpened: boolean } | undefined;
  /** The time of the source that a picture's time stands for; undefined for a picture that is not the source's. */
  readonly timeOf?: ((ptsSeconds: number) => number | undefined) | undefined;
}

/** What one ffmpeg run gives of pictures, and what it tells of its time, to dated pictures. */
export class PictureIntake {
  readonly #options: PictureIntakeOptions;
  readonly #time: SourceTime;
  readonly #meter: DecodeMeter;
  readonly #splitter: NutSplitter;
  readonly #packets: PacketTimesParser;
  /** How many of the source's pictures were passed on by the last report. */
  #frames: number | undefined;
  /** The newest picture that the clock could not date yet. */
  #held: { readonly picture: DecodedPicture; readonly arrivedAt: number } | undefined;
  /** Pictures of which it is not known yet how far the source was when they came. */
  #unjudged: { readonly ptsSeconds: number; readonly delaySeconds: number; readonly arrivedAt: number }[] = [];

  constructor(options: PictureIntakeOptions) {
    const { config, isCopied, decode, now, acquire } = options;
    const { decode: setting, intervalSeconds, bestOf } = config.thumbnail;
    this.#options = options;
    this.#time = new SourceTime({ expectsPackets: options.expectsPackets });
    this.#meter = new DecodeMeter({
      setting: isCopied ? setting : 'keyframes',
      choice: decode,
      intervalSeconds,
      framesPerInterval: bestOf,
      canChoose: () => options.shelf?.newest !== undefined,
      choosing: () => ({
        keyframeBytes: options.shelf?.newest?.length ?? 0,
        msPerSecond: msPerSecondOfChoosing(options.capabilities),
      }),
    });
    this.#splitter = new NutSplitter({
      acquire,
      onPicture: (picture) => {
        const ptsSeconds = (options.timeOf ?? itself)(picture.ptsSeconds);
        if (ptsSeconds !== undefined) this.#arrive({ ...picture, ptsSeconds });
      },
      onResized: options.onResized,
    });
    const { shelf } = options;
    const first = new FirstKeyframe();
    this.#packets = new PacketTimesParser(
      ({ ptsSeconds, isKey }) => {
        if (isKey) this.#meter.keyframe(ptsSeconds);
        this.#time.packet(ptsSeconds, now());
        this.#release();
      },
      shelf && decode.mode === 'keyframes'
        ? (data, packet) => {
            shelf.newest = first.payload(data, packet?.isKey) ?? shelf.newest;
          }
        : undefined,
    );
  }

  get clock(): SourceClock {
    return this.#time.clock;
  }

  /** Undefined until seen, and where more than keyframes is decoded. */
  get keyframeIntervalSeconds(): number | undefined {
    return this.#options.isCopied ? this.#meter.keyframeIntervalSeconds : undefined;
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
    if (demuxers !== undefined && this.#options.shelf !== undefined) this.#options.shelf.hasOpened = true;
    // In a transport stream a packet has no length: it ends where the next begins, and the parser behind it looks for an end too.
    if (demuxers?.includes('mpegts')) this.#time.holds(2);
  }

  /** ffmpeg reported that it is at `outSeconds`, `frames` pictures after its beginning. */
  position(outSeconds: number, frames: number | undefined): void {
    const now = this.#options.now();
    this.#time.position(outSeconds, frames, now);
    this.#release();
    this.#judgePictures(outSeconds);
    // Where only the sound goes on, no keyframe is missing.
    const hasVideo = frames === undefined || frames !== this.#frames;
    this.#frames = frames;
    if (hasVideo) this.#judged(this.#meter.position(outSeconds, now));
  }

  #arrive(picture: DecodedPicture): void {
    this.#options.onArrived();
    // One that is held back is older, and its place is taken.
    this.#held = { picture, arrivedAt: this.#options.now() };
    // Now and not when it is dated: the clock takes what is older than the last for a clock set back.
    this.clock.observe(picture.ptsSeconds, this.#held.arrivedAt);
    this.#release();
  }

  /** At the beginning ffmpeg hands out in one go what it has gathered while probing: its arrival says nothing of its time. */
  #release(): void {
    if (this.#held === undefined) return;
    const { picture, arrivedAt } = this.#held;
    if (!this.#time.canDate(arrivedAt, this.#options.now())) return;
    this.#held = undefined;
    const capturedAt = this.clock.wallTimeOf(picture.ptsSeconds)!;
    this.#options.onPicture(picture, capturedAt);
    const { ptsSeconds } = picture;
    this.#unjudged = [
      ...this.#unjudged.slice(1 - UNJUDGED_PICTURES),
      { ptsSeconds, delaySeconds: (arrivedAt - capturedAt) / 1000, arrivedAt },
    ];
  }

  /**
   * A decoder that holds a picture back takes packets in meanwhile. What is late though the source has come no further waited for a
   * slow source or a busy machine, and would not be sooner if more were decoded.
   */
  #judgePictures(outSeconds: number): void {
    const pictures = this.#unjudged;
    this.#unjudged = [];
    for (const { ptsSeconds, delaySeconds, arrivedAt } of pictures) {
      const heldSeconds = Math.max(0, Math.min(delaySeconds, outSeconds - ptsSeconds));
      this.#judged(this.#meter.picture(ptsSeconds, heldSeconds, arrivedAt));
    }
  }

  /** The run is over: nothing more will be known of its time, and the picture that waits for it is the newest there is. */
  end(): void {
    if (this.#held === undefined) return;
    const { picture } = this.#held;
    this.#held = undefined;
    this.#options.onPicture(picture, this.clock.wallTimeOf(picture.ptsSeconds)!);
  }

  #judged(better: DecodeChoice | undefined): void {
    if (better !== undefined) this.#options.onBetter(better);
  }
}

function itself(ptsSeconds: number): number {
  return ptsSeconds;
}
