import type { StreamEvents } from '../../events/stream-events.js';
import type { LogLine } from '../../ffmpeg/log/log-line.js';

/** This many errors within this time are a flood; it ends after this time without errors. */
const FLOOD = { errors: 20, withinMs: 10_000 };

const decoders = /^(?:h264|hevc|av1|libdav1d|libaom-av1|vp[89]|mpeg[124]\w*|mjpeg|flv|theora|wmv\d?)$/;
const undecodable = /\bdecod(?:e|ing)\b|\bcorrupt\b|\bconcealing\b/i;

export interface DecoderErrorsOptions {
  readonly events: Pick<StreamEvents, 'emit'>;
  /** Steady time. */
  readonly now: () => number;
}

/** Counts decoding errors of a stream. Frames continue in the meantime: ffmpeg conceals what it can. */
export class DecoderErrors {
  readonly #options: DecoderErrorsOptions;
  #count = 0;
  #isFlood = false;
  /** Since the start of the flood, or of a possible one. */
  #recent = 0;
  #beganAt = Number.NEGATIVE_INFINITY;
  #lastAt = Number.NEGATIVE_INFINITY;

  constructor(options: DecoderErrorsOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#count;
  }

  line({ level, module, text }: LogLine): void {
    const isError = level === 'error' || level === 'fatal';
    if (!isError || !(decoders.test(module) || undecodable.test(text))) return;
    const { events, now } = this.#options;
    const at = now();
    this.#count += 1;
    events.emit({ type: 'decoder-error' });
    if (at - this.#beganAt > FLOOD.withinMs && this.#recent < FLOOD.errors) {
      this.#beganAt = at;
      this.#recent = 0;
    }
    this.#recent += 1;
    this.#lastAt = at;
    if (this.#recent >= FLOOD.errors && !this.#isFlood) this.#flood(true, text);
  }

  /** Called once per second. */
  tick(): void {
    if (this.#options.now() - this.#lastAt <= FLOOD.withinMs) return;
    this.#recent = 0;
    if (this.#isFlood) this.#flood(false, undefined);
  }

  #flood(holds: boolean, text: string | undefined): void {
    this.#isFlood = holds;
    this.#options.events.emit({ type: 'decoder-flood', holds, text, errors: this.#count });
  }
}
