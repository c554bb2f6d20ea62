import { sameBytes } from '../bytes.js';
import { type CodedUnit, codedBytesOfSample } from './coded-bytes.js';
import { CutTiming, type CutTimingOptions } from './cut-timing.js';
import type { CutPart, Cutter } from './cutter.js';
import { fragmentPieces } from './fmp4-fragment.js';
import { configuredSets, lengthBytesOf, withParameterSets } from './fmp4-init.js';
import { Fmp4Reader, type InitSegment, NON_SYNC_FLAG, type Sample, type Track } from './fmp4-reader.js';
import { nalCodecOf, nalType, readAccessUnitStart, SPS_TYPE, unitsByLength } from './nal-units.js';
import { PartMemory } from './part-memory.js';
import { TimelineSteps } from './timeline-steps.js';

/**
 * Added to all times, because audio that an encoder needs before its first sample has times before zero, which fragments cannot express.
 */
export const FMP4_TIMELINE_OFFSET_SECONDS = 1;
/** Maximum size of audio that waits for missing video, in bytes. Older audio is dropped. */
const MAX_WAITING_BYTES = 16 * 1024 ** 2;

interface OpenPart {
  readonly startSeconds: number;
  readonly isIndependent: boolean;
  readonly startsSegment: boolean;
  readonly isDiscontinuity: boolean;
  readonly samples: Sample[];
}

/**
 * Cuts fragmented MP4 into parts of whole samples. ffmpeg's fragments only serve as carriers of samples: parts are rewritten, so that
 * their durations follow from frames and not from when ffmpeg flushes. Pure.
 */
export class Fmp4Cutter implements Cutter {
  readonly #reader = new Fmp4Reader();
  readonly #timing: CutTiming;
  readonly #steps = new TimelineSteps();
  readonly #memory = new PartMemory();
  #init: InitSegment | undefined;
  /** The track that determines the cuts. */
  #lead: Track | undefined;
  #part: OpenPart | undefined;
  /** Samples of the other tracks that belong to future parts. */
  #waiting: Sample[] = [];
  #waitingBytes = 0;
  #expectedSeconds: number | undefined;
  #sequence = 0;
  #hasParts = false;
  #isBroken = false;
  /** Arrival time of the current bytes. */
  #atMs: number | undefined;

  constructor(options: CutTimingOptions) {
    this.#timing = new CutTiming(options);
  }

  push(bytes: Uint8Array, atMs?: number): CutPart[] {
    this.#atMs = atMs;
    return this.#reader
      .push(bytes)
      .flatMap((media) => ('init' in media ? this.#start(media.init) : this.#takeFragment(media.samples)));
  }

  end(): CutPart[] {
    const parts = this.#closePart(Number.POSITIVE_INFINITY, this.#waiting.length === 0);
    const trailing = this.#waiting;
    const last = trailing.at(-1);
    if (last === undefined || this.#init === undefined) return parts;
    // Audio that lasts longer than the video has no part to belong to.
    this.#waiting = [];
    this.#waitingBytes = 0;
    const { timescale } = last.track;
    const endSeconds = (last.decodeTicks + last.durationTicks) / timescale;
    const startSeconds = this.#expectedSeconds ?? trailing[0]!.decodeTicks / timescale;
    return [
      ...parts,
      this.#write(trailing, {
        startSeconds,
        frames: 0,
        units: [],
        keyframeSeconds: [],
        durationSeconds: Math.max(0, endSeconds - startSeconds),
        isIndependent: false,
        startsSegment: false,
        endsSegment: true,
        isDiscontinuity: false,
        hasAudio: true,
      }),
    ];
  }

  #start(init: InitSegment): CutPart[] {
    const parts = this.end();
    this.#init = init;
    this.#lead = init.tracks.find(({ kind }) => kind === 'video') ?? init.tracks[0];
    this.#isBroken = this.#hasParts;
    return parts;
  }

  #takeFragment(samples: readonly Sample[]): CutPart[] {
    const isLead = ({ track }: Sample) => track.id === this.#lead?.id;
    // The other tracks first, because their samples belong to the parts that end in this fragment.
    for (const sample of samples) if (!isLead(sample)) this.#wait(sample);
    return samples.filter(isLead).flatMap((sample) => this.#takeLead(sample));
  }

  #wait(sample: Sample): void {
    this.#waiting.push(sample);
    this.#waitingBytes += sample.data.length;
    while (this.#waitingBytes > MAX_WAITING_BYTES) this.#waitingBytes -= this.#waiting.shift()!.data.length;
  }

  #takeLead(sample: Sample): CutPart[] {
    const jump = this.#jumpAt(sample);
    const { track, decodeTicks, compositionTicks, flags } = sample;
    const dtsSeconds = decodeTicks / track.timescale;
    const durationTicks = jump === 'after' ? this.#usualTicks(sample) : sample.durationTicks;
    const durationSeconds = durationTicks / track.timescale;
    const isKey = (flags & NON_SYNC_FLAG) === 0;
    const start = isKey ? this.#lookAtKey(sample) : { isIndependent: false, isChanged: false };
    const parts = start.isChanged || jump === 'before' ? this.#breakOff(Number.POSITIVE_INFINITY) : [];
    if (start.isChanged) this.#init = start.init;
    const cut = this.#timing.next({ dtsSeconds, durationSeconds, isKey });
    if (cut !== 'none') {
      parts.push(...this.#closePart(dtsSeconds, cut === 'segment'));
      this.#part = {
        startSeconds: dtsSeconds + compositionTicks / track.timescale,
        isIndependent: start.isIndependent,
        startsSegment: cut === 'segment',
        isDiscontinuity: this.#isBroken,
        samples: [],
      };
      this.#isBroken = false;
    }
    this.#part!.samples.push({ ...sample, durationTicks });
    const endSeconds = dtsSeconds + durationSeconds;
    if (jump === 'after') {
      parts.push(...this.#breakOff(endSeconds));
    } else if (this.#timing.isPartFull) {
      this.#timing.closePart();
      parts.push(...this.#closePart(endSeconds, false));
    }
    return parts;
  }

  /** What follows is not continuous with what came before. */
  #breakOff(endSeconds: number): CutPart[] {
    const parts = this.#closePart(endSeconds, true);
    this.#timing.jump();
    this.#isBroken = this.#hasParts;
    return parts;
  }

  /** The position of a timeline jump: before a sample, or after it, because its duration is the distance to the next one in ffmpeg. */
  #jumpAt({ track, decodeTicks, durationTicks }: Sample): 'none' | 'before' | 'after' {
    const durationSeconds = durationTicks / track.timescale;
    const dtsSeconds = decodeTicks / track.timescale;
    const gapSeconds = dtsSeconds - (this.#expectedSeconds ?? dtsSeconds);
    const seconds = durationSeconds + gapSeconds;
    this.#expectedSeconds = (decodeTicks + durationTicks) / track.timescale;
    if (!this.#steps.isJump({ seconds, usualSeconds: this.#timing.usualFrameSeconds, atMs: this.#atMs })) return 'none';
    return Math.abs(gapSeconds) > durationSeconds ? 'before' : 'after';
  }

  #usualTicks({ track, durationTicks }: Sample): number {
    const usualSeconds = this.#timing.usualFrameSeconds;
    return usualSeconds === undefined ? durationTicks : Math.round(usualSeconds * track.timescale);
  }

  /** Whether decoding can start with a keyframe, and whether the video encoding changed with it. */
  #lookAtKey({ track, data }: Sample): { isIndependent: boolean; isChanged: boolean; init?: InitSegment } {
    const init = this.#init!;
    const codec = nalCodecOf(track.codec);
    if (codec === undefined) return { isIndependent: true, isChanged: false };
    const current = init.tracks.find(({ id }) => id === track.id) ?? track;
    const units = unitsByLength(data, lengthBytesOf(current.configuration, codec));
    const { isIndependent, parameterSets } = readAccessUnitStart(units, codec);
    const isSps = (unit: Uint8Array) => nalType(unit, codec) === SPS_TYPE[codec];
    const seen = parameterSets.filter(isSps);
    const known = configuredSets(current.configuration, codec).filter(isSps);
    const isChanged = seen.some((set) => !known.some((other) => sameBytes(set, other)));
    if (!isChanged) return { isIndependent, isChanged };
    return { isIndependent, isChanged, init: withParameterSets(init, track.id, parameterSets, codec) };
  }

  /** Writes the open part, with the other tracks' samples before `endSeconds`. */
  #closePart(endSeconds: number, endsSegment: boolean): CutPart[] {
    const part = this.#part;
    this.#part = undefined;
    if (part === undefined || this.#lead === undefined) return [];
    const belongs = (sample: Sample) => sample.decodeTicks / sample.track.timescale < endSeconds;
    const others = this.#waiting.filter(belongs);
    this.#waiting = this.#waiting.filter((sample) => !belongs(sample));
    this.#waitingBytes = this.#waiting.reduce((sum, { data }) => sum + data.length, 0);
    const { samples, ...facts } = part;
    const ticks = samples.reduce((sum, { durationTicks }) => sum + durationTicks, 0);
    const { timescale } = this.#lead;
    const keyframes = samples.filter(({ flags }) => (flags & NON_SYNC_FLAG) === 0);
    const known = {
      ...facts,
      endsSegment,
      hasAudio: others.length > 0,
      frames: samples.length,
      units: samples.map((sample) => this.#codedUnit(sample)),
      keyframeSeconds: keyframes.map(
        ({ decodeTicks, compositionTicks }) => (decodeTicks + compositionTicks) / timescale,
      ),
    };
    return [this.#write([...samples, ...others], { ...known, durationSeconds: ticks / timescale })];
  }

  #codedUnit({ track, data, flags }: Sample): CodedUnit {
    const codec = nalCodecOf(track.codec);
    const lengthBytes = codec === undefined ? 0 : lengthBytesOf(track.configuration, codec);
    return { isKey: (flags & NON_SYNC_FLAG) === 0, bytes: codedBytesOfSample(data, codec, lengthBytes) };
  }

  #write(samples: readonly Sample[], facts: Omit<CutPart, 'bytes' | 'init' | 'partTargetSeconds'>): CutPart {
    const { tracks, bytes: init } = this.#init!;
    const runs = tracks.map((track) => ({ track, samples: samples.filter((sample) => sample.track.id === track.id) }));
    this.#sequence += 1;
    this.#hasParts = true;
    const offset = ({ timescale }: Track) => FMP4_TIMELINE_OFFSET_SECONDS * timescale;
    const partTargetSeconds = this.#timing.partTargetSeconds ?? facts.durationSeconds;
    this.#memory.begin(facts.startsSegment);
    for (const piece of fragmentPieces(this.#sequence, runs, offset)) this.#memory.append(piece);
    return { ...facts, partTargetSeconds, bytes: this.#memory.end(), init };
  }
}
