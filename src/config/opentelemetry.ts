import type { Setting } from './environment.js';
import { valueAt } from './tree.js';

/** OpenTelemetry's own variables, used for settings that sidepipe's configuration leaves unset. */
const variables: readonly (readonly [string, readonly string[]])[] = [
  ['OTEL_EXPORTER_OTLP_ENDPOINT', ['telemetry', 'otlp', 'endpoint']],
  ['OTEL_EXPORTER_OTLP_HEADERS', ['telemetry', 'otlp', 'headers']],
];

/** The settings from OpenTelemetry's variables that neither the file's tree nor `settings` contains. Pure. */
export function readOpenTelemetry(
  env: Readonly<Record<string, string | undefined>>,
  tree: unknown,
  settings: readonly Setting[],
): Setting[] {
  return variables.flatMap(([origin, path]) => {
    const value = env[origin]?.trim();
    const isSet = valueAt(tree, path).found || settings.some((each) => each.path.join() === path.join());
    return value && !isSet ? [{ path, value, origin }] : [];
  });
}
