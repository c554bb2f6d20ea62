import { SidepipeError } from '../errors.js';
import type { ArgumentSetResult } from '../stream/trial/argument-trial.js';
import type { Check, CheckResult } from './check.js';

export interface ArgumentCheckOptions {
  /** Runs every command line that a node can make. Undefined: ffmpeg cannot be used, which its own check reports. */
  readonly tryAll: (signal: AbortSignal) => Promise<readonly ArgumentSetResult[] | undefined>;
}

/** Some 30 command lines of seconds each, three at a time, on a slow board too. */
const TIMEOUT_MS = 600_000;
const remedy = 'Install another ffmpeg and name it in ffmpeg.path (SIDEPIPE_FFMPEG_PATH).';

/** Whether ffmpeg runs what a node would have it run, on a clip of the doctor's own. A version number proves nothing. */
export function argumentChecks({ tryAll }: ArgumentCheckOptions): Check {
  const area = 'ffmpeg';
  const check = 'command lines';
  return {
    area,
    timeoutMs: TIMEOUT_MS,
    async run(signal) {
      try {
        const results = await tryAll(signal);
        if (results === undefined) return [{ area, check, ok: 'skipped', detail: 'not run: ffmpeg cannot be run' }];
        return rowsOf(results).map((row) => ({ area, ...row }));
      } catch (error) {
        signal.throwIfAborted();
        return [{ area, check, ok: false, detail: `the test clip cannot be made: ${wordsOf(error)}`, remedy }];
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
    // Only what a stream asks for is missed, and the check of protocols and encoders says so.
    ...missing.map(({ name, detail }) => ({ check: name, ok: 'skipped', detail }) as const),
  ];
}

/** What ffmpeg itself said, or how it ended. */
function wordsOf(error: unknown): string {
  if (!(error instanceof SidepipeError)) return String(error);
  const { stderr, code } = error.details;
  const line = typeof stderr === 'string' ? stderr.trim().split('\n').at(-1) : undefined;
  if (line) return line;
  return code === null ? 'ffmpeg crashed' : `ffmpeg ended with code ${code}`;
}
