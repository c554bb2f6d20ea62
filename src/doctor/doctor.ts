import { collectSecrets, createRedactor } from '../config/redact.js';
import type { Config } from '../config/schema/schema.js';
import { createDeadline } from '../deadline.js';
import { messageOf } from '../errors.js';
import { type Capabilities, readCapabilities } from '../ffmpeg/capabilities.js';
import { EncoderProber } from '../ffmpeg/encoder-prober.js';
import { passedEnvironment } from '../ffmpeg/environment.js';
import { createOrphanGuard } from '../ffmpeg/guard.js';
import { findFfmpeg } from '../ffmpeg/locate.js';
import { createEgress } from '../ingest/relay/egress.js';
import { openStore } from '../storage/open.js';
import { probeStore } from '../storage/probe.js';
import { tryArgumentSets } from '../stream/trial/argument-trial.js';
import { argumentChecks } from './arguments.js';
import type { Check, CheckResult } from './check.js';
import { clockChecks } from './clock.js';
import { type FfmpegCheckOptions, ffmpegChecks } from './ffmpeg.js';
import { imageChecks } from './images.js';
import { limitChecks } from './limits.js';
import { portChecks } from './ports.js';
import { type SourceFound, segmentBytesOf, sourceChecks, surveySources } from './sources.js';
import { type StoreProbe, storeChecks } from './store.js';
import { renderTable } from './table.js';

/** The checks of `sidepipe doctor`, in the order of the table. */
export function doctorChecks(config: Config): readonly Check[] {
  const { fallback } = config.storage;
  const environment = passedEnvironment(process.env, config.ffmpeg.environment);
  const capabilities = once(async (signal) =>
    readCapabilities(await findFfmpeg(config.ffmpeg.path), signal, environment),
  );
  const survey = once(async (signal) => {
    // The check of ffmpeg reports what is wrong with it.
    const found = await capabilities(signal).catch(() => undefined);
    return found === undefined ? undefined : openSources(config, found, signal);
  });
  const tryAll = async (signal: AbortSignal) => {
    const found = await capabilities(signal).catch(() => undefined);
    return found === undefined ? undefined : runArgumentSets(found, signal);
  };
  const sources = sourceChecks({ config, survey });
  const store = {
    probeStore: probeConfigured,
    segmentBytes: async (signal: AbortSignal) => segmentBytesOf(config, (await survey(signal).catch(() => [])) ?? []),
    timeoutMs: (sources.timeoutMs ?? 0) + 120_000,
  };
  return [
    ffmpegChecks({
      config,
      findFfmpeg: () => findFfmpeg(config.ffmpeg.path),
      readCapabilities: (_path, signal) => capabilities(signal),
      tryEncoder,
    }),
    argumentChecks({ tryAll }),
    ...(config.streams.length === 0 ? [] : [sources]),
    imageChecks(config),
    portChecks(config),
    limitChecks(config),
    clockChecks(),
    storeChecks({ config, ...store }),
    ...(fallback ? [storeChecks({ config: { storage: fallback }, area: 'fallback', ...store })] : []),
  ];
}

/** Facts that several checks need are determined once, for the first of them. */
function once<T>(task: (signal: AbortSignal) => Promise<T>): (signal: AbortSignal) => Promise<T> {
  let result: Promise<T> | undefined;
  return (signal) => {
    result ??= task(signal);
    return result;
  };
}

async function runArgumentSets(capabilities: Capabilities, signal: AbortSignal) {
  const guard = await createOrphanGuard();
  try {
    return await tryArgumentSets({ capabilities, guard, signal });
  } finally {
    await guard.close();
  }
}

async function openSources(
  config: Config,
  capabilities: Capabilities,
  signal: AbortSignal,
): Promise<readonly SourceFound[]> {
  const guard = await createOrphanGuard();
  const egress = createEgress({ networks: config.api.sources.networks });
  try {
    await egress.start();
    const redact = createRedactor(collectSecrets(config));
    return await surveySources(config, { capabilities, guard, egress, redact }, signal);
  } finally {
    await egress.close();
    await guard.close();
  }
}

const tryEncoder: FfmpegCheckOptions['tryEncoder'] = (encoder, facts) => new EncoderProber(facts).try(encoder);

/** Opens the configured store and sends the requests that a node would send. */
const probeConfigured: StoreProbe = async (storage, segmentBytes, signal) => {
  const store = await openStore(storage);
  try {
    const { publicUrl, acl } = storage.s3 ?? {};
    const [put, ...rest] = await probeStore(store, { publicUrl, acl, segmentBytes, signal });
    if (put === undefined || put.ok) return put === undefined ? [] : [put, ...rest];
    // The rest was not tried, so it must not count as failed.
    return [put, ...rest.map((result) => ({ ...result, ok: 'skipped' as const }))];
  } finally {
    await store.close();
  }
};

export interface DoctorOptions {
  readonly config: Config;
  readonly checks: readonly Check[];
  readonly write: (text: string) => void;
  /** A table for people, or one JSON document for programs. */
  readonly format?: 'table' | 'json';
  /** Whether the table is printed to a terminal. */
  readonly colour?: boolean;
  /** For checks without their own timeout. */
  readonly timeoutMs?: number;
}

/** Runs all checks and prints the results, with a remedy for each failure. Returns the exit code: 1 if a stream would not work. */
export async function runDoctor(options: DoctorOptions): Promise<0 | 1> {
  const { config, checks, write, format = 'table', colour = false, timeoutMs = 60_000 } = options;
  const results = (await Promise.all(checks.map((check) => runCheck(check, timeoutMs)))).flat();
  const failed = results.filter(({ ok }) => ok === false).length;
  const warnings = results.filter(({ ok }) => ok === 'warning').length;
  const redact = createRedactor(collectSecrets(config));
  const safe = results.map((result) => ({
    ...result,
    detail: redact(result.detail),
    ...(result.remedy === undefined ? {} : { remedy: redact(result.remedy) }),
  }));
  if (format === 'json') write(`${JSON.stringify({ ok: failed === 0, failed, warnings, results: safe }, null, 2)}\n`);
  else write(`${renderTable(safe, { colour })}\n${summaryOf({ failed, warnings, checks: results.length })}\n`);
  return failed === 0 ? 0 : 1;
}

function summaryOf({ failed, warnings, checks }: { failed: number; warnings: number; checks: number }): string {
  const warned = warnings === 1 ? '1 warning' : `${warnings} warnings`;
  if (failed > 0) return `${failed} of ${checks} checks failed${warnings > 0 ? `, ${warned}` : ''}.`;
  return warnings > 0 ? `No check failed, ${warned}.` : 'All checks passed.';
}

async function runCheck(check: Check, usualMs: number): Promise<readonly CheckResult[]> {
  const { area, timeoutMs = usualMs } = check;
  const deadline = createDeadline(timeoutMs);
  try {
    return await Promise.race([check.run(deadline.signal), deadline.reached]);
  } catch (error) {
    const detail = deadline.expired ? `timed out after ${timeoutMs / 1000} s` : chain(error);
    return [{ area, check: 'completed', ok: false, detail, remedy: remedyOf(area) }];
  } finally {
    deadline.clear();
  }
}

/** The error with its causes, in one line. */
function chain(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined ? messageOf(error) : `${messageOf(error).replace(/\.$/, '')}: ${chain(cause)}`;
}

function remedyOf(area: string): string {
  if (area === 'ffmpeg') return 'Install ffmpeg 4.0 or newer and set ffmpeg.path (SIDEPIPE_FFMPEG_PATH).';
  if (area === 'store' || area === 'fallback')
    return 'Check the storage settings, and that this machine can reach the endpoint.';
  return `Correct the ${area} settings and run sidepipe doctor again.`;
}
