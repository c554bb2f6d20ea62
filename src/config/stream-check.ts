import { checkConfig, checkValue, type Finding } from './parse.js';
import type { Path } from './problems.js';
import type { Config, StreamConfig } from './schema/schema.js';
import { streamInputSchema, streamPatchSchema } from './stream-input.js';
import { isRecord } from './tree.js';

const place: Path = ['streams', 0];

/**
 * Validates a stream from the API: by its own schema, and as part of the configuration that it would belong to. Returns all
 * findings at once; paths start at the stream.
 */
export function checkStream(input: unknown, config: Config): { config?: StreamConfig; findings: Finding[] } {
  if (!isRecord(input)) return { findings: [{ path: [], message: 'expected an object', named: false }] };
  const whole = { ...config, streams: [input] };
  const asConfig = checkConfig(whole);
  const asJson = checkValue(streamInputSchema, input, { whole, path: place });
  const findings = [...asConfig.findings.filter(({ path }) => path[0] === place[0]), ...asJson.findings];
  const stream = asConfig.config?.streams[0];
  return findings.length > 0 || stream === undefined ? { findings: fromHere(findings) } : { config: stream, findings };
}

/** Validates a patch by itself: unknown names, and values that no stream can have. */
export function checkPatch(patch: unknown): Finding[] {
  if (!isRecord(patch)) return [{ path: [], message: 'expected an object', named: false }];
  if ('name' in patch) return [{ path: ['name'], message: 'the name of a stream cannot be changed', named: true }];
  const whole = { streams: [patch] };
  return fromHere(checkValue(streamPatchSchema, patch, { whole, path: place }).findings);
}

/** Makes paths start at the stream. Of two findings for one path, or for an enclosing one, the first is kept. */
function fromHere(findings: readonly Finding[]): Finding[] {
  const kept: Finding[] = [];
  for (const finding of findings) {
    const path = finding.path.slice(place.length);
    const isTold = kept.some((each) => path.every((part, index) => each.path[index] === part));
    if (!isTold) kept.push({ ...finding, path });
  }
  return kept;
}
