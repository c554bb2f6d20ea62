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

/** Hardware that is going to answer does so in a second or two; a driver that hangs does not. */
const TRIAL_TIMEOUT_MS = 15_000;
const MAX_REASON_LENGTH = 200;

/** Tries encoders for real, each once in the node's life, and says which one to take. */
export class EncoderProber {
  readonly #capabilities: Pick<Capabilities, 'path' | 'options' | 'encoders' | 'environment'>;
  readonly #trials = new Map<Encoder, Promise<TrialResult>>();

  constructor(capabilities: Pick<Capabilities, 'path' | 'options' | 'encoders' | 'environment'>) {
    this.#capabilities = capabilities;
  }

  /** Never rejects: libx264 is what is left when nothing else works. */
  async choose(setting: EncoderSetting): Promise<EncoderChoice> {
    const tried: (readonly [Encoder, TrialResult])[] = [];
    for (const encoder of candidates(setting).slice(0, -1)) {
      const result = await this.try(encoder);
      tried.push([encoder, result]);
      if (result.works) break;
    }
    return chooseEncoder(setting, tried);
  }

  /** What a tiny encode came to. Tried at the first call, remembered after. */
  try(encoder: Encoder): Promise<TrialResult> {
    const known = this.#trials.get(encoder);
    if (known !== undefined) return known;
    const trial = this.#try(encoder);
    this.#trials.set(encoder, trial);
    return trial;
  }

  async #try(encoder: Encoder): Promise<TrialResult> {
    const { path, options, encoders, environment = {} } = this.#capabilities;
    if (!encoders.has(encoder)) return { works: false, reason: 'this ffmpeg does not have it' };
    try {
      const args = trialArguments(encoder, options);
      const made = await runToEnd({ path, args, timeoutMs: TRIAL_TIMEOUT_MS, environment });
      return made.length > 0 ? { works: true } : { works: false, reason: 'it makes nothing' };
    } catch (error) {
      return { works: false, reason: reasonOf(error) };
    }
  }
}

/** ffmpeg's first complaint is the cause, the others follow from it. */
function reasonOf(error: unknown): string {
  const details = error instanceof SidepipeError ? error.details : {};
  const stderr = typeof details?.['stderr'] === 'string' ? details['stderr'] : '';
  const line = stderr.split('\n').find((each) => each.trim() !== '');
  if (error instanceof SidepipeError && error.cause !== undefined)
    return `no answer within ${TRIAL_TIMEOUT_MS / 1000} s`;
  const text = line?.replace(/^\[[^\]]*\] /, '').trim() ?? messageOf(error);
  return text.slice(0, MAX_REASON_LENGTH);
}
