import type { Finding } from '../config/parse.js';
import type { Config, StreamConfig } from '../config/schema/schema.js';
import { checkStream } from '../config/stream-check.js';
import { checkSource, type SourcePolicy } from '../ingest/policy.js';
import { readSource } from '../ingest/source.js';

/** Validates an API stream: its configuration, undefined if invalid, and all findings. */
export function checkApiStream(input: unknown, node: Config): { config?: StreamConfig; findings: Finding[] } {
  const { config, findings } = checkStream(input, node);
  return config === undefined ? { findings } : { config, findings: apiRefusals(config, node.api.sources) };
}

/** Findings that apply to API streams only: they must not access the machine that the node runs on. */
function apiRefusals(config: StreamConfig, policy: SourcePolicy): Finding[] {
  const findings: Finding[] = [];
  const refuse = (path: string[], message: string) => findings.push({ path, message, named: false });
  const source = readSource(config.source, (path) => path, config.input.format);
  const refused = checkSource(source, policy, config);
  if (refused !== undefined) refuse(['source'], refused.message.replace(/^source: /, ''));
  if (config.thumbnail.offline !== 'image') {
    refuse(['thumbnail', 'offline'], 'files are allowed in the configuration only; use image');
  }
  return findings;
}
