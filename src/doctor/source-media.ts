import { type SourceFacts, SourceFactsReader } from '../ffmpeg/log/source-facts.js';

/** The media of a source: parsed from ffmpeg's description of its input, and from a list of its packets (`-f framecrc`). Pure. */

/** Measured, not announced. */
export interface PacketFacts {
  readonly videoPackets: number;
  readonly audioPackets: number;
  /** Seconds of video read. */
  readonly seconds: number;
  /** Bitrate of video and audio. */
  readonly bitsPerSecond: number | undefined;
  readonly frameRate: number | undefined;
  readonly hasVariableRate: boolean;
  readonly keyframes: number;
  /** The longest interval between two keyframes; undefined if there were fewer than two. */
  readonly keyframeSeconds: number | undefined;
  /** Frames arrive in another order than they are shown. */
  readonly hasBFrames: boolean;
}

export interface SourceMedia extends SourceFacts {
  /** Whether neither the source's description nor the media that ffmpeg read to open it had parameter sets. */
  readonly lacksParameterSets: boolean;
  readonly packets: PacketFacts;
}

/** Half a minute at 240 fps. */
const MOST_PACKETS = 8000;

interface VideoPacket {
  readonly seconds: number;
  readonly isKeyframe: boolean;
}

/** Parses both kinds of lines as they arrive. */
export class SourceMediaReader {
  readonly #facts = new SourceFactsReader();
  /** By the index of the stream in the list of packets. */
  readonly #kinds = new Map<string, string>();
  readonly #timeBases = new Map<string, number>();
  /** Streams with parameter sets. */
  readonly #extradata = new Set<string>();
  readonly #packets: VideoPacket[] = [];
  #audioPackets = 0;
  #bytes = 0;
  #keyframes = 0;
  #first = Number.POSITIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;

  /** Parses a line of ffmpeg's log, without its level. */
  log(text: string): void {
    this.#facts.line(text);
  }

  /** Parses a line of the list of packets. */
  packet(line: string): void {
    const [, name, stream, value = ''] = /^#(\w+) (\d+): (.*)$/.exec(line) ?? [];
    if (stream !== undefined) {
      if (name === 'extradata') this.#extradata.add(stream);
      if (name === 'media_type') this.#kinds.set(stream, value);
      const [, over, under] = /^(\d+)\/(\d+)$/.exec(value) ?? [];
      if (name === 'tb' && Number(under) > 0) this.#timeBases.set(stream, Number(over) / Number(under));
      return;
    }
    const [index, dts, pts, , size, , ...more] = line.split(',').map((cell) => cell.trim());
    const timeBase = this.#timeBases.get(index ?? '');
    const bytes = Number(size);
    if (timeBase === undefined || !(bytes > 0)) return;
    this.#bytes += bytes;
    if (this.#kinds.get(index ?? '') !== 'video') {
      this.#audioPackets += 1;
      return;
    }
    const time = Number(/^-?\d+$/.test(pts ?? '') ? pts : dts);
    // Flags are listed only if they differ from "keyframe and nothing else".
    const flags = more.find((cell) => cell.startsWith('F='));
    const isKeyframe = flags === undefined || (Number.parseInt(flags.slice(2), 16) & 1) === 1;
    if (Number.isFinite(time) && this.#packets.length < MOST_PACKETS) {
      const seconds = time * timeBase;
      this.#packets.push({ seconds, isKeyframe });
      this.#first = Math.min(this.#first, seconds);
      this.#last = Math.max(this.#last, seconds);
      if (isKeyframe) this.#keyframes += 1;
    }
  }

  /** How much has arrived so far. Cheap, unlike `media`, which processes all packets. */
  get seen(): Pick<PacketFacts, 'videoPackets' | 'keyframes' | 'seconds'> {
    const videoPackets = this.#packets.length;
    return { videoPackets, keyframes: this.#keyframes, seconds: Math.max(0, this.#last - this.#first) };
  }

  media(): SourceMedia {
    const isKnown = [...this.#extradata].some((stream) => this.#kinds.get(stream) === 'video');
    return { ...this.#facts.facts, lacksParameterSets: !isKnown, packets: this.#measure() };
  }

  #measure(): PacketFacts {
    const shown = this.#packets.map(({ seconds }) => seconds).sort((a, b) => a - b);
    const gaps = shown.slice(1).map((each, index) => each - shown[index]!);
    const { seconds } = this.seen;
    const keys = this.#packets.filter(({ isKeyframe }) => isKeyframe).map((packet) => packet.seconds);
    const between = keys.slice(1).map((each, index) => each - keys[index]!);
    return {
      videoPackets: shown.length,
      audioPackets: this.#audioPackets,
      seconds,
      bitsPerSecond: seconds > 0 ? (this.#bytes * 8) / seconds : undefined,
      ...rateOf(gaps),
      keyframes: keys.length,
      keyframeSeconds: between.length === 0 ? undefined : Math.max(...between),
      hasBFrames: this.#packets.some(
        (packet, index) => packet.seconds < (this.#packets[index - 1]?.seconds ?? -Infinity),
      ),
    };
  }
}

/**
 * The rate varies if more than a tenth of the frame intervals differ from the median by a fifth. If it does not, the median is more
 * accurate than the average, which the last frames distort: with B-frames some frames between them have not arrived yet.
 */
function rateOf(gaps: readonly number[]): Pick<PacketFacts, 'frameRate' | 'hasVariableRate'> {
  const sorted = gaps.toSorted((a, b) => a - b);
  const usual = sorted[Math.floor(gaps.length / 2)] ?? 0;
  const whole = gaps.reduce((sum, gap) => sum + gap, 0);
  if (!(whole > 0)) return { frameRate: undefined, hasVariableRate: false };
  const near = gaps.filter((gap) => Math.abs(gap - usual) <= usual / 5);
  const hasVariableRate = gaps.length >= 10 && gaps.length - near.length > gaps.length / 10;
  const steady = near.reduce((sum, gap) => sum + gap, 0);
  // Timestamps in whole milliseconds turn 33.3 ms into 33, 33 and 34.
  return { frameRate: hasVariableRate || steady === 0 ? gaps.length / whole : near.length / steady, hasVariableRate };
}
