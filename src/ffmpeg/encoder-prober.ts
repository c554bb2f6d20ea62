import { messageOf, SidepipeError } from '../errors.js';
import type { Capabilities } from './capabilities.js';
import { runToEnd } from './child.js';
import {
  candidates,
  chooseEncoder,
  type Encoder,
  type EncoderChoice,
  type EncoderSetting,
  type TrialResult,
  trialArguments,
} from './output/encoders.js';

/** Working hardware responds within a second or two; a hanging driver does not. */
const TRIAL_TIMEOUT_MS = 15_000;
const MAX_REASON_LENGTH = 200;

/** Tests encoders with a short encode, each once per node, and chooses one. */
export class EncoderProber {
  readonly #capabilities: Pick<Capabilities, 'path' | 'options' | 'encoders' | 'environment'>;
  readonly #trials = new Map<Encoder, Promise<TrialResult>>();

  constructor(capabilities: Pick<Capabilities, 'path' | 'options' | 'encoders' | 'environment'>) {
    this.#capabilities = capabilities;
  }

  /** Never rejects: libx264 is the fallback. */
  async choose(setting: EncoderSetting): Promise<EncoderChoice> {
    const tried: (readonly [Encoder, TrialResult])[] = [];
    for (const encoder of candidates(setting).slice(0, -1)) {
      const result = await this.try(encoder);
      tried.push([encoder, result]);
      if (result.works) break;
    }
    return chooseEncoder(setting, tried);
  }

  /** The result of a short test encode. Run on the first call, then cached. */
  try(encoder: Encoder): Promise<TrialResult> {
    const known = this.#trials.get(encoder);
    if (known !== undefined) return known;
    const trial = this.#try(encoder);
    this.#trials.set(encoder, trial);
    return trial;
  }

  async #try(encoder: Encoder): Promise<TrialResult> {
    const { path, options, encoders, environment = {} } = this.#capabilities;
    if (!encoders.has(encoder)) return { works: false, reason: 'not included in this ffmpeg' };
    try {
      const args = trialArguments(encoder, options);
      const made = await runToEnd({ path, args, timeoutMs: TRIAL_TIMEOUT_MS, environment });
      return made.length > 0 ? { works: true } : { works: false, reason: 'the test encode produced no output' };
    } catch (error) {
      return { works: false, reason: reasonOf(error) };
    }
  }
}

/** ffmpeg's first error is the cause; the others follow from it. */
function reasonOf(error: unknown): string {
  const details = error instanceof SidepipeError ? error.details : {};
  const stderr = typeof details?.['stderr'] === 'string' ? details['stderr'] : '';
  const line = stderr.split('\n').find((each) => each.trim() !== '');
  if (error instanceof SidepipeError && error.cause !== undefined)
    return `no response within ${TRIAL_TIMEOUT_MS / 1000} s`;
  const text = line?.replace(/^\[[^\]]*\] /, '').trim() ?? messageOf(error);
  return text.slice(0, MAX_REASON_LENGTH);
}
