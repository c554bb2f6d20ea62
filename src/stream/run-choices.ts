import { type Encoder, type EncoderChoice, encoderFailure } from '../ffmpeg/encoders.js';
import type { LogLine } from '../ffmpeg/log-line.js';
import type { DecodeChoice } from '../frames/decode.js';
import { EncoderSelection } from './encoder-selection.js';
import type { StreamEnvironment } from './environment.js';
import { firstDecode } from './plan.js';
import { wantedRenditions } from './rendition-plan.js';
import type { RunEnd } from './run-end.js';
import { firstNeeds, type SourceNeeds } from './source-needs.js';

/** What was learned about a stream in its runs, and is held to in the next. */
export class RunChoices {
  readonly #log: StreamEnvironment['log'];
  readonly #encoders: EncoderSelection;
  #decode: DecodeChoice;
  #needs: SourceNeeds;

  constructor({ config, source, encoders, log }: Pick<StreamEnvironment, 'config' | 'source' | 'encoders' | 'log'>) {
    this.#log = log;
    this.#decode = firstDecode(config);
    this.#needs = firstNeeds(config);
    this.#encoders = new EncoderSelection({ renditions: wantedRenditions(config, source), desk: encoders, log });
  }

  /** Which pictures of a copied stream are decoded. */
  get decode(): DecodeChoice {
    return this.#decode;
  }

  /** By rendition; none before the first run. */
  get encoders(): ReadonlyMap<string, EncoderChoice> {
    return this.#encoders.choices;
  }

  /** What the next run goes by. */
  async next() {
    const encoders = await this.#encoders.choose();
    return { decode: this.#decode, needs: this.#needs, encoders };
  }

  /** `lines`: the last of ffmpeg's log. */
  learn(end: RunEnd, lines: readonly LogLine[]): void {
    if (end.kind === 'failed') this.#learnFailure(lines, this.#encoders.encoders);
    if (end.kind !== 'replanned') return;
    if ('needs' in end) {
      this.#needs = end.needs;
      this.#log.info({ ...end.needs }, 'the source needs another plan from now on');
    } else if (end.decode !== this.#decode) {
      this.#decode = end.decode;
      this.#log.info({ ...end.decode }, 'pictures are decoded in another way from now on');
    }
  }

  #learnFailure(lines: readonly LogLine[], encoders: readonly Encoder[]): void {
    const failure = encoderFailure(lines, encoders);
    if (failure !== undefined) this.#encoders.failed(failure);
  }
}
