import { SidepipeError } from '../errors.js';
import { type Encoder, type EncoderChoice, encoderFailure } from '../ffmpeg/encoders.js';
import type { LogLine } from '../ffmpeg/log-line.js';
import { type DecodeChoice, withoutChosen } from '../frames/decode.js';
import { canChooseKeyframes } from './chosen-plan.js';
import { DecodePlan } from './decode-plan.js';
import { EncoderSelection } from './encoder-selection.js';
import type { StreamEnvironment } from './environment.js';
import { KeyframeShelf } from './keyframe-shelf.js';
import { firstDecode } from './plan.js';
import { wantedRenditions } from './rendition-plan.js';
import type { RunEnd } from './run-end.js';
import { firstNeeds, type SourceNeeds } from './source-needs.js';

/** A source that changes its size more often than this is not followed at once each time. */
const LEAST_BETWEEN_SIZES_MS = 10_000;

type Facts = Pick<StreamEnvironment, 'capabilities' | 'config' | 'source' | 'encoders' | 'log' | 'metrics' | 'now'>;

/** What was learned about a stream in its runs, and is held to in the next. */
export class RunChoices {
  readonly #facts: Facts;
  readonly #encoders: EncoderSelection;
  readonly #decode: DecodePlan;
  readonly #shelf = new KeyframeShelf();
  #resizedAt: number | undefined;
  #needs: SourceNeeds;

  constructor(facts: Facts) {
    const { config, source, encoders, log, now } = facts;
    this.#facts = facts;
    this.#decode = new DecodePlan({ first: firstDecode(config), now });
    this.#needs = firstNeeds(config);
    this.#encoders = new EncoderSelection({ renditions: wantedRenditions(config, source), desk: encoders, log });
  }

  /** Which pictures of a copied stream are decoded. */
  get decode(): DecodeChoice {
    return this.#decode.choice;
  }

  /** By rendition; none before the first run. */
  get encoders(): ReadonlyMap<string, EncoderChoice> {
    return this.#encoders.choices;
  }

  /** What the next run goes by. */
  async next() {
    const encoders = await this.#encoders.choose();
    const canChoose = canChooseKeyframes({ ...this.#facts, needs: this.#needs });
    if (!canChoose && this.#decode.choice.mode === 'chosen') this.anew();
    this.#shelf.begin();
    return { decode: this.#decode.choice, needs: this.#needs, encoders, shelf: canChoose ? this.#shelf : undefined };
  }

  /** Another source altogether. */
  anew(): void {
    this.#decode.anew();
    this.#shelf.clear();
  }

  /** `lines`: the last of ffmpeg's log. Answers what the end is to be taken for. */
  learn(end: RunEnd, lines: readonly LogLine[]): RunEnd {
    const { log } = this.#facts;
    if (end.kind === 'failed') {
      this.#decode.lost();
      // ffmpeg does not run in this way, or the source is another one now. A source that was not there shows neither.
      const { hasOpened, hasAnswered } = this.#shelf;
      const wasThere = hasOpened || end.error.fault !== 'source';
      if (this.#decode.choice.mode === 'chosen' && wasThere && !hasAnswered) {
        const { intervalSeconds } = this.#facts.config.thumbnail;
        this.#decode.take(withoutChosen('no picture came of a chosen keyframe', intervalSeconds));
      }
      this.#learnFailure(lines, this.#encoders.encoders);
    }
    if (end.kind !== 'replanned') return end;
    if ('resized' in end) return this.#resized(end);
    if ('needs' in end) {
      this.#needs = end.needs;
      log.info({ ...end.needs }, 'the source needs another plan from now on');
    } else if (end.decode === this.#decode.choice) this.#decode.lost();
    else {
      this.#decode.take(end.decode);
      log.info({ ...end.decode }, 'pictures are decoded in another way from now on');
    }
    return end;
  }

  #resized(end: RunEnd): RunEnd {
    const { config, log, metrics, now } = this.#facts;
    metrics.framesDropped.inc({ stream: config.name, reason: 'frame-resized' });
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
