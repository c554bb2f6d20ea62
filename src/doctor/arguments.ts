import { SidepipeError } from '../errors.js';
import type { ArgumentSetResult } from '../stream/trial/argument-trial.js';
import type { Check, CheckResult } from './check.js';

export interface ArgumentCheckOptions {
  /** Runs every command line that a node can generate. Undefined: ffmpeg is unusable, which its own check reports. */
  readonly tryAll: (signal: AbortSignal) => Promise<readonly ArgumentSetResult[] | undefined>;
}

/** About 30 command lines of several seconds each, three at a time, on a slow board. */
const TIMEOUT_MS = 600_000;
const remedy = 'Install another ffmpeg and set ffmpeg.path (SIDEPIPE_FFMPEG_PATH).';

/** Whether ffmpeg runs every command line of a node, on the doctor's own clip. A version number proves nothing. */
export function argumentChecks({ tryAll }: ArgumentCheckOptions): Check {
  const area = 'ffmpeg';
  const check = 'command lines';
  return {
    area,
    timeoutMs: TIMEOUT_MS,
    async run(signal) {
      try {
        const results = await tryAll(signal);
        if (results === undefined)
          return [{ area, check, ok: 'skipped', detail: 'not run, because ffmpeg is unusable' }];
        return rowsOf(results).map((row) => ({ area, ...row }));
      } catch (error) {
        signal.throwIfAborted();
        return [{ area, check, ok: false, detail: `cannot create the test clip: ${wordsOf(error)}`, remedy }];
      }
    },
  };
}

function rowsOf(results: readonly ArgumentSetResult[]): Omit<CheckResult, 'area'>[] {
  const of = (outcome: ArgumentSetResult['outcome']) => results.filter((each) => each.outcome === outcome);
  const [ran, missing, failed] = [of('ok'), of('missing'), of('failed')];
  const detail = `${ran.length} of ${results.length} ran on a test clip`;
  return [
    { check: 'command lines', ok: failed.length === 0, detail, ...(failed.length > 0 && { remedy }) },
    ...failed.map(({ name, detail }) => ({ check: name, ok: false, detail, remedy }) as const),
    // Missing features matter only if a stream needs them, which the check of protocols and encoders reports.
    ...missing.map(({ name, detail }) => ({ check: name, ok: 'skipped', detail }) as const),
  ];
}

/** The last line of ffmpeg's output, or how ffmpeg ended. */
function wordsOf(error: unknown): string {
  if (!(error instanceof SidepipeError)) return String(error);
  const { stderr, code } = error.details;
  const line = typeof stderr === 'string' ? stderr.trim().split('\n').at(-1) : undefined;
  if (line) return line;
  return code === null ? 'ffmpeg crashed' : `ffmpeg exited with code ${code}`;
}
