import type { LogLine } from '../../ffmpeg/log/log-line.js';
import type { StreamEnvironment } from '../environment.js';

/** So many errors within this time are a flood; without any for this time it is over. */
const FLOOD = { errors: 20, withinMs: 10_000 };

const decoders = /^(?:h264|hevc|av1|libdav1d|libaom-av1|vp[89]|mpeg[124]\w*|mjpeg|flv|theora|wmv\d?)$/;
const undecodable = /\bdecod(?:e|ing)\b|\bcorrupt\b|\bconcealing\b/i;

/** Counts what a stream's decoder could not read. Pictures go on meanwhile: ffmpeg mends what it can. */
export class DecoderErrors {
  readonly #env: Pick<StreamEnvironment, 'config' | 'metrics' | 'episodes' | 'now'>;
  #count = 0;
  /** Since the flood, or what may become one, began. */
  #recent = 0;
  #beganAt = Number.NEGATIVE_INFINITY;
  #lastAt = Number.NEGATIVE_INFINITY;

  constructor(env: Pick<StreamEnvironment, 'config' | 'metrics' | 'episodes' | 'now'>) {
    this.#env = env;
  }

  get count(): number {
    return this.#count;
  }

  line({ level, module, text }: LogLine): void {
    const isError = level === 'error' || level === 'fatal';
    if (!isError || !(decoders.test(module) || undecodable.test(text))) return;
    const { config, metrics, episodes, now } = this.#env;
    const at = now();
    this.#count += 1;
    metrics.decoderErrors.inc({ stream: config.name });
    if (at - this.#beganAt > FLOOD.withinMs && this.#recent < FLOOD.errors) {
      this.#beganAt = at;
      this.#recent = 0;
    }
    this.#recent += 1;
    this.#lastAt = at;
    if (this.#recent >= FLOOD.errors) {
      episodes.happened('decoder-errors', 'the source has many errors: its pictures may be damaged', { first: text });
    }
  }

  /** Once a second. */
  tick(): void {
    if (this.#env.now() - this.#lastAt <= FLOOD.withinMs) return;
    this.#recent = 0;
    this.#env.episodes.ended('decoder-errors', 'the source is free of errors again', { errors: this.#count });
  }
}
