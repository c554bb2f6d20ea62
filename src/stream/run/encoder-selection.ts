import type { EncoderProber } from '../../ffmpeg/encoder-prober.js';
import type { Encoder, EncoderChoice } from '../../ffmpeg/output/encoders.js';
import type { Logger } from '../../telemetry/logger.js';
import type { WantedRendition } from '../outputs/rendition-plan.js';

export interface EncoderSelectionOptions {
  readonly renditions: readonly WantedRendition[];
  readonly desk: Pick<EncoderProber, 'choose'>;
  readonly log: Pick<Logger, 'info'>;
}

/** Chooses the encoder for each rendition of one stream. An encoder that failed in a run of this stream is not used for it again. */
export class EncoderSelection {
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
      const choice = this.#withoutFailed(await this.#options.desk.choose(video.encoder));
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
