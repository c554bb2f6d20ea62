import { SidepipeError } from '../../errors.js';
import type { LogLine } from '../../ffmpeg/log/log-line.js';
import type { SourceFacts } from '../../ffmpeg/log/source-facts.js';
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
import type { StreamEnvironment } from '../environment.js';
import { fixedDecode } from '../outputs/plan.js';
import { wantedRenditions } from '../outputs/rendition-plan.js';
import { firstAudioNeeds, firstNeeds, type SourceNeeds } from '../outputs/source-needs.js';
import { EncoderSelection } from './encoder-selection.js';
import type { RunEnd } from './run-end.js';
import { copyWarnings, type SourceWarning } from './source-warnings.js';

/** A source that changes its size more often than this is not followed at once each time. */
const LEAST_BETWEEN_SIZES_MS = 10_000;
/** The same of a source that is a playlist at one moment and none at the next. */
const LEAST_BETWEEN_KINDS_MS = 60_000;
/** Audio that comes and goes is added again this long after the last time, then after twice as long, up to the most. */
const LEAST_BETWEEN_AUDIO_MS = 60_000;
const MOST_BETWEEN_AUDIO_MS = 600_000;

/** Timestamps that are lost this often, within this time, are not followed at once any more. */
const MOST_JUMPS = 3;
const JUMPS_WITHIN_MS = 30_000;

/** What helps against timestamps that are of no use. */
const WALLCLOCK = 'set input.timestamps to wallclock';
const STEADY: Readonly<Partial<Record<Facts['source']['kind'], string>>> = {
  hls: 'name a newer ffmpeg in ffmpeg.path',
  push: 'restart the encoder',
};

type Facts = Pick<StreamEnvironment, 'config' | 'source' | 'encoders' | 'events' | 'log' | 'now'>;

/** What was learned about a stream in its runs, and is held to in the next. */
export class LearnedSettings {
  readonly #facts: Facts;
  readonly #encoders: EncoderSelection;
  /** Undefined where the source decides. */
  readonly #fixed: DecodeChoice | undefined;
  #decode: DecodeChoice | undefined;
  #traits: SourceTraits = UNKNOWN_SOURCE;
  #resizedAt: number | undefined;
  #reconfiguredAt: number | undefined;
  /** When audio was last added in mid-run, and how often it was. */
  #audioAddedAt = Number.NEGATIVE_INFINITY;
  #audioAdditions = 0;
  #isAudioLate = false;
  /** When the newest were. */
  #jumpsAt: number[] = [];
  /** The run before ended at a jump. */
  #isAfterJump = false;
  #source: Facts['source'];
  #foundAt: number | undefined;
  /** What ffmpeg said when it had opened the source. */
  #opened: LogLine | undefined;
  #needs: SourceNeeds;
  #warnings: readonly SourceWarning[] = [];

  constructor(facts: Facts) {
    const { config, source, encoders, log } = facts;
    this.#facts = facts;
    this.#source = source;
    this.#fixed = fixedDecode(config, source);
    this.#needs = firstNeeds(config, source);
    this.#encoders = new EncoderSelection({ renditions: wantedRenditions(config, source), desk: encoders, log });
  }

  /** Which pictures of a copied stream are decoded. */
  get decode(): DecodeChoice {
    return this.#fixed ?? this.#decode ?? FIRST_CHOICE;
  }

  /** By rendition; none before the first run. */
  get encoders(): ReadonlyMap<string, EncoderChoice> {
    return this.#encoders.choices;
  }

  /** A line of the newest run's log. */
  line(line: LogLine): void {
    if (line.text.startsWith('Input #0')) this.#opened = line;
  }

  /** What ffmpeg said of the source: each warning that was not there before is logged. */
  opened({ video }: Pick<SourceFacts, 'video'>): void {
    const warnings = copyWarnings({ ...this.#facts, video });
    const known = new Set(this.#warnings.map(({ message }) => message));
    this.#warnings = warnings;
    for (const { code, message, remedy } of warnings) {
      if (known.has(message)) continue;
      this.#facts.log.warn(
        { warning: code, reason: message, remedy },
        'players may not show the source as it was meant',
      );
    }
  }

  /** What the next run goes by. */
  async next() {
    this.#opened = undefined;
    const encoders = await this.#encoders.choose();
    const isDecodeOpen = this.#fixed === undefined && this.#decode === undefined;
    const choices = { decode: this.decode, isDecodeOpen, needs: this.#needs, encoders, source: this.#source };
    const startsLate = this.#isAfterJump;
    return { ...choices, addsAudioFrom: this.#addsAudioFrom, isAudioLate: this.#isAudioLate, startsLate };
  }

  /** Steady time in milliseconds. */
  get #addsAudioFrom(): number {
    const waitMs = LEAST_BETWEEN_AUDIO_MS * 2 ** (this.#audioAdditions - 1);
    return this.#audioAddedAt + Math.min(MOST_BETWEEN_AUDIO_MS, waitMs);
  }

  /** Another source altogether. */
  forget(): void {
    this.#decode = undefined;
    this.#traits = UNKNOWN_SOURCE;
    this.#forgetSilence();
  }

  /** What comes next may have audio from its beginning. */
  #forgetSilence(): void {
    if (!this.#needs.isAudioSilent) return;
    const { config, source } = this.#facts;
    this.#needs = { ...this.#needs, ...firstAudioNeeds(config, source, this.#needs.container) };
  }

  /** `lines`: the last of ffmpeg's log. `traits`: of the source, as the run saw them. Answers what the end is to be taken for. */
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

  /** At once, unless the source is now this and now that. */
  #found(source: Source, end: RunEnd): RunEnd {
    const { log, now } = this.#facts;
    const before = this.#foundAt;
    this.#foundAt = now();
    this.#source = source;
    if (before !== undefined && this.#foundAt - before < LEAST_BETWEEN_KINDS_MS) return end;
    log.info({ kind: source.kind }, 'the source is of another kind than its URL told');
    return { kind: 'replanned', needs: this.#needs, codecs: undefined };
  }

  #need({ needs, codecs, audio: change }: Extract<RunEnd, { needs: SourceNeeds }>): void {
    const { log, now } = this.#facts;
    const audio = codecs?.audio;
    if (needs.isAudioSilent && !this.#needs.isAudioSilent)
      log.warn({ sourceCodec: audio }, 'the source announces audio but sends none: the stream plays without it');
    if (change === 'heard' || change === 'appeared') {
      this.#isAudioLate ||= change === 'appeared';
      this.#audioAddedAt = now();
      this.#audioAdditions += 1;
      log.info({ sourceCodec: audio }, "the source's audio has come: ffmpeg restarted to add it");
    }
    if (needs.audio === 'aac' && needs.audio !== this.#needs.audio && audio !== undefined)
      log.info({ sourceCodec: audio }, `audio encoded to AAC: the source's codec is ${audio}`);
    this.#needs = needs;
    log.info({ ...needs, source: codecs }, 'plan changed to suit the source');
  }

  #reconfigured(end: RunEnd): RunEnd {
    const { log, now } = this.#facts;
    const before = this.#reconfiguredAt;
    this.#reconfiguredAt = now();
    if (before !== undefined && this.#reconfiguredAt - before < LEAST_BETWEEN_SIZES_MS) {
      const message = 'the publisher changes its codec configuration again and again';
      const error = new SidepipeError(message, { code: 'source-unsupported', fault: 'source', retryable: true });
      return { kind: 'failed', error };
    }
    log.info('the publisher changed its codec configuration: ffmpeg restarted');
    this.forget();
    return end;
  }

  #jumped(end: RunEnd): RunEnd {
    const { source, log, now } = this.#facts;
    this.#jumpsAt = [...this.#jumpsAt.slice(-MOST_JUMPS), now()];
    const isOften = this.#jumpsAt.length > MOST_JUMPS && now() - this.#jumpsAt[0]! < JUMPS_WITHIN_MS;
    if (isOften) {
      const message = `the source's timestamps jump again and again: ${STEADY[source.kind] ?? WALLCLOCK}`;
      const error = new SidepipeError(message, { code: 'source-unsupported', fault: 'source', retryable: true });
      return { kind: 'failed', error };
    }
    log.info("the source's timestamps jumped: ffmpeg restarted");
    return end;
  }

  /** The next run goes by what this one saw: it can change without another discontinuity. */
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
      const message = 'the picture changes its size again and again';
      const error = new SidepipeError(message, { code: 'frame-invalid', fault: 'source', retryable: true });
      return { kind: 'failed', error };
    }
    log.info('the picture has another size: pictures of it are begun anew');
    return end;
  }

  #learnFailure(lines: readonly LogLine[], encoders: readonly Encoder[]): void {
    const failure = encoderFailure(lines, encoders);
    if (failure !== undefined) this.#encoders.failed(failure);
  }
}

/** Of the newest run that saw one. The files of a directory take turns: what any of them needs, all get. */
function mergedGap(
  { keyframeGapSeconds: before }: SourceTraits,
  { keyframeGapSeconds: gap }: SourceTraits,
  isDirectory: boolean,
): number | undefined {
  return isDirectory && before !== undefined && gap !== undefined ? Math.max(before, gap) : (gap ?? before);
}
