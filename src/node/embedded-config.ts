import { parseConfig } from '../config/parse.js';
import type { Config } from '../config/schema/schema.js';
import { isRecord } from '../config/tree.js';

/** Reachable from this machine only. */
const LOOPBACK = '127.0.0.1';

/**
 * Validates a configuration that a program passes to the node. Its listeners are bound to loopback by default, so that a program opens no
 * port to the network by accident. The command line passes a complete configuration, with the hosts of its own default.
 * Throws `config-invalid`. Pure.
 */
export function parseEmbeddedConfig(input: unknown): Config {
  const given = input ?? {};
  if (!isRecord(given)) return parseConfig(given);
  return parseConfig({ ...given, http: onLoopback(given['http']), rtmp: onLoopback(given['rtmp']) });
}

function onLoopback(listener: unknown): unknown {
  const given = listener ?? {};
  return isRecord(given) ? { ...given, host: given['host'] ?? LOOPBACK } : given;
}
