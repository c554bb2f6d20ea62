import { collectSecrets, createRedactor } from './config/redact.js';
import type { Config } from './config/schema.js';
import type { Check, CheckResult } from './doctor/check.js';
import { clockChecks } from './doctor/clock.js';
import { type FfmpegCheckOptions, ffmpegChecks } from './doctor/ffmpeg.js';
import { imageChecks } from './doctor/images.js';
import { portChecks } from './doctor/ports.js';
import { type StoreProbe, storeChecks } from './doctor/store.js';
import { renderTable } from './doctor/table.js';
import { messageOf } from './errors.js';
import { readCapabilities } from './ffmpeg/capabilities.js';
import { EncoderDesk } from './ffmpeg/encoder-desk.js';
import { findFfmpeg } from './ffmpeg/locate.js';
import { openStore } from './storage/open.js';
import { probeStore } from './storage/probe.js';

/** The checks of `sidepipe doctor`, in the order of the table. */
export function doctorChecks(config: Config): readonly Check[] {
  const { fallback } = config.storage;
  return [
    ffmpegChecks({ config, findFfmpeg: () => findFfmpeg(config.ffmpeg.path), readCapabilities, tryEncoder }),
    imageChecks(config),
    portChecks(config),
    clockChecks(),
    storeChecks({ config, probeStore: probeConfigured }),
    ...(fallback
      ? [storeChecks({ config: { storage: fallback }, area: 'fallback', probeStore: probeConfigured })]
      : []),
  ];
}

const tryEncoder: FfmpegCheckOptions['tryEncoder'] = (encoder, facts) => new EncoderDesk(facts).try(encoder);

/** Opens the store that the nodes would open, and asks of it what they would. */
const probeConfigured: StoreProbe = async (storage, signal) => {
  const store = await openStore(storage);
  try {
    const [put, ...rest] = await probeStore(store, { publicUrl: storage.s3?.publicUrl, acl: storage.s3?.acl, signal });
    if (put === undefined || put.ok) return put === undefined ? [] : [put, ...rest];
    // Nothing else was tried: one failure is one failure.
    return [put, ...rest.map((result) => ({ ...result, ok: 'skipped' as const }))];
  } finally {
    await store.close();
  }
};

export interface DoctorOptions {
  readonly config: Config;
  readonly checks: readonly Check[];
  readonly write: (text: string) => void;
  /** Whether a person's terminal shows the table. */
  readonly colour?: boolean;
  /** For each check. */
  readonly timeoutMs?: number;
}

/** Runs all checks and prints their table with a remedy for each failure. Returns the exit code: 0 or 1. */
export async function runDoctor({
  config,
  checks,
  write,
  colour = false,
  timeoutMs = 60_000,
}: DoctorOptions): Promise<0 | 1> {
  const results = (await Promise.all(checks.map((check) => runCheck(check, timeoutMs)))).flat();
  const failed = results.filter(({ ok }) => ok === false).length;
  const summary = failed === 0 ? 'All is well.' : `${failed} of ${results.length} checks failed.`;
  const redact = createRedactor(collectSecrets(config));
  const safe = results.map((result) => ({
    ...result,
    detail: redact(result.detail),
    ...(result.remedy === undefined ? {} : { remedy: redact(result.remedy) }),
  }));
  write(`${renderTable(safe, { colour })}\n${summary}\n`);
  return failed === 0 ? 0 : 1;
}

async function runCheck(check: Check, timeoutMs: number): Promise<readonly CheckResult[]> {
  const { area } = check;
  const abort = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = new Error(`no answer within ${timeoutMs / 1000} s`);
      abort.abort(error);
      reject(error);
    }, timeoutMs);
  });
  try {
    return await Promise.race([check.run(abort.signal), late]);
  } catch (error) {
    return [{ area, check: 'can be checked', ok: false, detail: chain(error), remedy: remedyOf(area) }];
  } finally {
    clearTimeout(timer);
  }
}

/** The error with its causes, in one line. */
function chain(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined ? messageOf(error) : `${messageOf(error)}: ${chain(cause)}`;
}

function remedyOf(area: string): string {
  if (area === 'ffmpeg') return 'Install ffmpeg 4.0 or newer and name it in ffmpeg.path (SIDEPIPE_FFMPEG_PATH).';
  if (area === 'store' || area === 'fallback')
    return 'Check the storage settings and that this machine reaches the endpoint.';
  return `Correct the ${area} settings and run sidepipe doctor again.`;
}
