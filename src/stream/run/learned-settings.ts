import { doublingMs } from '../../backoff.js';
import { SidepipeError } from '../../errors.js';
import type { LogLine } from '../../ffmpeg/log/log-line.js';
import { type Encoder, type EncoderChoice, encoderFailure } from '../../ffmpeg/output/encoders.js';
import {
  chooseDecode,
  type DecodeChoice,
  FIRST_CHOICE,
  type SourceTraits,
  UNKNOWN_SOURCE,
} from '../../frames/decode.js';
import { sourceAsFound } from '../../ingest/found-kind.js';
import type { Source } from '../../ingest/source.js';
import type { Logger } from '../../telemetry/logger.js';
import type { SourceWarning } from '../description.js';
import type { StreamEnvironment, StreamServices } from '../environment.js';
import type { WantedWebRtc } from '../outputs/access-unit-plan.js';
import { firstAudioNeeds } from '../outputs/audio-plan.js';
import { fixedDecode } from '../outputs/plan.js';
import { type WantedRendition, wantedRenditions } from '../outputs/rendition-plan.js';
import { firstNeeds, firstWebRtcNeeds, type SourceNeeds } from '../outputs/source-needs.js';
import type { RunEnd } from './run-end.js';
import type { RunSettings } from './run-options.js';
import { copyWarnings, type WarningFacts } from './source-warnings.js';

/** A source that changes its frame size more often than this is not followed at once each time. */
const LEAST_BETWEEN_SIZES_MS = 10_000;
/** The same for a source that alternates between a playlist and something else. */
const LEAST_BETWEEN_KINDS_MS = 60_000;
/** Audio that comes and goes is added again this long after the last time, then after twice as long, up to the maximum. */
const LEAST_BETWEEN_AUDIO_MS = 60_000;
const MOST_BETWEEN_AUDIO_MS = 600_000;

/** Timestamps that are lost this often within this time are no longer followed at once. */
const MOST_JUMPS = 3;
const JUMPS_WITHIN_MS = 30_000;

/** The remedies for unusable timestamps. */
const WALLCLOCK = 'Set input.timestamps to wallclock.';
const STEADY: Readonly<Partial<Record<Facts['source']['kind'], string>>> = {
  hls: 'Set ffmpeg.path to a newer version.',
  push: 'Restart the encoder.',
};

interface Facts extends Pick<StreamEnvironment, 'config' | 'source' | 'events' | 'log'> {
  readonly encoders: StreamServices['encoders'];
  /** Steady time. */
  readonly now: () => number;
  /** Undefined without WebRTC. */
  readonly webrtc?: WantedWebRtc | undefined;
}

/** What was learned about a stream in its runs, and applies to the next one. */
export class LearnedSettings {
  readonly #facts: Facts;
  readonly #encoders: EncoderSelection;
  /** Undefined if the source decides. */
  readonly #fixed: DecodeChoice | undefined;
  #decode: DecodeChoice | undefined;
  #traits: SourceTraits = UNKNOWN_SOURCE;
  #resizedAt: number | undefined;
  #reconfiguredAt: number | undefined;
  /** When audio was last added during a run, and how often. */
  #audioAddedAt = Number.NEGATIVE_INFINITY;
  #audioAdditions = 0;
  #isAudioLate = false;
  /** When the newest jumps were. */
  #jumpsAt: number[] = [];
  /** The previous run ended at a jump. */
  #isAfterJump = false;
  #source: Facts['source'];
  #foundAt: number | undefined;
  /** What ffmpeg reported when it opened the source. */
  #opened: LogLine | undefined;
  #needs: SourceNeeds;
  #lacksParameterSets: boolean | undefined;
  #warnings: readonly SourceWarning[] = [];

  constructor(facts: Facts) {
    const { config, source, encoders, log, webrtc } = facts;
    this.#facts = facts;
    this.#source = source;
    this.#fixed = fixedDecode(config, source);
    this.#needs = firstNeeds(config, source, webrtc);
    this.#encoders = new EncoderSelection({ renditions: wantedRenditions(config, source), prober: encoders, log });
  }

  /** Which frames of a copied stream are decoded. */
  get decode(): DecodeChoice {
    return this.#fixed ?? this.#decode ?? FIRST_CHOICE;
  }

  /** By rendition; none before the first run. */
  get encoders(): ReadonlyMap<string, EncoderChoice> {
    return this.#encoders.choices;
  }

  /** Takes a line of the newest run's log. */
  line(line: LogLine): void {
    if (line.text.startsWith('Input #0')) this.#opened = line;
  }

  /** Takes what ffmpeg reported about the source, and logs each new warning. */
  opened({ video, lacksParameterSets }: WarningFacts): void {
    // Until a new run has seen a keyframe, the last one's applies.
    this.#lacksParameterSets = lacksParameterSets ?? this.#lacksParameterSets;
    const { config, source } = this.#facts;
    const warnings = copyWarnings({ config, source, video, lacksParameterSets: this.#lacksParameterSets });
    const known = new Set(this.#warnings.map(({ message }) => message));
    this.#warnings = warnings;
    for (const { code, message, remedy } of warnings) {
      if (known.has(message)) continue;
      this.#facts.log.warn({ warning: code, reason: message, remedy }, 'players may display the video incorrectly');
    }
  }

  /** The settings for the next run. */
  async next(): Promise<Required<RunSettings>> {
    this.#opened = undefined;
    const encoders = await this.#encoders.choose();
    return {
      source: this.#source,
      encoders,
      decode: this.decode,
      isDecodeOpen: this.#fixed === undefined && this.#decode === undefined,
      needs: this.#needs,
      addsAudioFrom: this.#addsAudioFrom,
      isAudioLate: this.#isAudioLate,
      startsLate: this.#isAfterJump,
    };
  }

  /** Steady time in milliseconds. */
  get #addsAudioFrom(): number {
    const limits = { baseMs: LEAST_BETWEEN_AUDIO_MS, capMs: MOST_BETWEEN_AUDIO_MS };
    return this.#audioAddedAt + doublingMs({ failures: this.#audioAdditions, ...limits });
  }

  /** The source is a different one. */
  forget(): void {
    this.#decode = undefined;
    this.#traits = UNKNOWN_SOURCE;
    this.#forgetSilence();
  }

  /** What comes next may have audio from its start. */
  #forgetSilence(): void {
    if (!this.#needs.isAudioSilent) return;
    const { config, source, webrtc } = this.#facts;
    this.#needs = {
      ...this.#needs,
      ...firstAudioNeeds(config, source, this.#needs.container),
      ...firstWebRtcNeeds(config, source, webrtc),
    };
  }

  /** `lines`: the last of ffmpeg's log. `traits`: of the source, as seen in the run. Returns what the end counts as. */
  learn(end: RunEnd, lines: readonly LogLine[], traits: SourceTraits = UNKNOWN_SOURCE): RunEnd {
    const { log } = this.#facts;
    this.#learnTraits(traits);
    this.#isAfterJump = end.kind === 'replanned' && 'jumped' in end;
    if (end.kind === 'failed') {
      const found = sourceAsFound(this.#source, this.#opened === undefined ? lines : [this.#opened, ...lines]);
      if (found !== undefined) return this.#found(found, end);
      this.#learnFailure(lines, this.#encoders.encoders);
    }
    if (end.kind === 'continued' || (end.kind === 'replanned' && 'restarted' in end)) this.#forgetSilence();
    if (end.kind !== 'replanned') return end;
    if ('resized' in end) return this.#resized(end);
    if ('reconfigured' in end) return this.#reconfigured(end);
    if ('jumped' in end) return this.#jumped(end);
    if ('needs' in end) {
      this.#need(end);
    } else if ('decode' in end) {
      this.#decode = end.decode;
      log.info({ ...end.decode }, 'thumbnail decode mode changed');
    }
    return end;
  }

  /** Replans at once, unless the source keeps alternating between kinds. */
  #found(source: Source, end: RunEnd): RunEnd {
    const { log, now } = this.#facts;
    const before = this.#foundAt;
    this.#foundAt = now();
    this.#source = source;
    if (before !== undefined && this.#foundAt - before < LEAST_BETWEEN_KINDS_MS) return end;
    log.info({ kind: source.kind }, 'source kind differs from its URL');
    return { kind: 'replanned', needs: this.#needs, codecs: undefined };
  }

  #need({ needs, codecs, audio: change }: Extract<RunEnd, { needs: SourceNeeds }>): void {
    const { log, now } = this.#facts;
    const audio = codecs?.audio;
    if (needs.isAudioSilent && !this.#needs.isAudioSilent)
      log.warn({ sourceCodec: audio }, 'announced audio missing: stream continues without audio');
    if (change === 'heard' || change === 'appeared') {
      this.#isAudioLate ||= change === 'appeared';
      this.#audioAddedAt = now();
      this.#audioAdditions += 1;
      log.info({ sourceCodec: audio }, 'audio started: ffmpeg restarted to add it');
    }
    if (needs.audio === 'aac' && needs.audio !== this.#needs.audio && audio !== undefined)
      log.info({ sourceCodec: audio }, 'audio encoded to AAC');
    this.#needs = needs;
    log.info({ ...needs, source: codecs }, 'plan changed to suit the source');
  }

  #reconfigured(end: RunEnd): RunEnd {
    const { log, now } = this.#facts;
    const before = this.#reconfiguredAt;
    this.#reconfiguredAt = now();
    if (before !== undefined && this.#reconfiguredAt - before < LEAST_BETWEEN_SIZES_MS) {
      const message = 'The publisher changes its codec configuration too often. Check the encoder.';
      const error = new SidepipeError(message, { code: 'source-unsupported', fault: 'source', retryable: true });
      return { kind: 'failed', error };
    }
    log.info('publisher changed its codec configuration: ffmpeg restarted');
    this.forget();
    return end;
  }

  #jumped(end: RunEnd): RunEnd {
    const { source, log, now } = this.#facts;
    this.#jumpsAt = [...this.#jumpsAt.slice(-MOST_JUMPS), now()];
    const isOften = this.#jumpsAt.length > MOST_JUMPS && now() - this.#jumpsAt[0]! < JUMPS_WITHIN_MS;
    if (isOften) {
      const message = `The source's timestamps jump too often. ${STEADY[source.kind] ?? WALLCLOCK}`;
      const error = new SidepipeError(message, { code: 'source-unsupported', fault: 'source', retryable: true });
      return { kind: 'failed', error };
    }
    log.info('timestamps jumped: ffmpeg restarted');
    return end;
  }

  /** The next run uses what this one saw, because it can change without another discontinuity. */
  #learnTraits(traits: SourceTraits): void {
    const { config, source } = this.#facts;
    const gap = mergedGap(this.#traits, traits, source.kind === 'directory');
    this.#traits = {
      isLate: source.kind === 'directory' && this.#traits.isLate ? true : (traits.isLate ?? this.#traits.isLate),
      keyframeGapSeconds: gap,
      sinceKeyframeSeconds: gap === undefined ? traits.sinceKeyframeSeconds : 0,
      hasOtherFrames: this.#traits.hasOtherFrames || traits.hasOtherFrames,
    };
    const { decode: setting, intervalSeconds } = config.thumbnail;
    this.#decode = chooseDecode({ setting, intervalSeconds, traits: this.#traits, waitedSeconds: 0 }) ?? this.#decode;
  }

  #resized(end: RunEnd): RunEnd {
    const { log, events, now } = this.#facts;
    events.emit({ type: 'frame-dropped', reason: 'frame-resized' });
    const before = this.#resizedAt;
    this.#resizedAt = now();
    if (before !== undefined && this.#resizedAt - before < LEAST_BETWEEN_SIZES_MS) {
      const message = 'The source changes its frame size too often.';
      const error = new SidepipeError(message, { code: 'frame-invalid', fault: 'source', retryable: true });
      return { kind: 'failed', error };
    }
    log.info('frame size changed: ffmpeg restarted');
    return end;
  }

  #learnFailure(lines: readonly LogLine[], encoders: readonly Encoder[]): void {
    const failure = encoderFailure(lines, encoders);
    if (failure !== undefined) this.#encoders.failed(failure);
  }
}

/** The gap of the newest run that saw one. The files of a directory alternate, so the maximum applies to all of them. */
function mergedGap(
  { keyframeGapSeconds: before }: SourceTraits,
  { keyframeGapSeconds: gap }: SourceTraits,
  isDirectory: boolean,
): number | undefined {
  return isDirectory && before !== undefined && gap !== undefined ? Math.max(before, gap) : (gap ?? before);
}

interface EncoderSelectionOptions {
  readonly renditions: readonly WantedRendition[];
  readonly prober: StreamServices['encoders'];
  readonly log: Pick<Logger, 'info'>;
}

/** Chooses the encoder for each rendition of one stream. An encoder that failed in a run of this stream is not used for it again. */
class EncoderSelection {
  readonly #options: EncoderSelectionOptions;
  #choices: ReadonlyMap<string, EncoderChoice> = new Map();
  #failure: string | undefined;

  constructor(options: EncoderSelectionOptions) {
    this.#options = options;
  }

  /** The last choices, by rendition; copies have none. */
  get choices(): ReadonlyMap<string, EncoderChoice> {
    return this.#choices;
  }

  get encoders(): readonly Encoder[] {
    return [...this.#choices.values()].map(({ encoder }) => encoder);
  }

  /** Chooses the encoders, and logs each choice once and when it changes. */
  async choose(): Promise<ReadonlyMap<string, EncoderChoice>> {
    const chosen = new Map<string, EncoderChoice>();
    for (const { name, video } of this.#options.renditions) {
      if (video.kind === 'copy') continue;
      const choice = this.#withoutFailed(await this.#options.prober.choose(video.encoder));
      chosen.set(name, choice);
      if (this.#choices.get(name)?.encoder === choice.encoder) continue;
      this.#options.log.info({ rendition: name, ...choice }, 'encoder chosen');
    }
    this.#choices = chosen;
    return chosen;
  }

  /** A hardware encoder failed while in use. */
  failed(reason: string): void {
    this.#failure = reason;
  }

  #withoutFailed(choice: EncoderChoice): EncoderChoice {
    if (this.#failure === undefined || choice.encoder === 'libx264') return choice;
    return { encoder: 'libx264', reason: `${choice.encoder} failed while in use (${this.#failure})` };
  }
}
