import { z } from 'zod';
import { numeric } from './values.js';

/** Export of traces. */

/** A mapping, or a string such as `authorization=Bearer abc,x-team=cameras`, as in OpenTelemetry's own variable. */
const headers = z
  .union([z.record(z.string(), z.string()), z.string()], 'expected header names and values')
  .transform((value, context) => {
    const pairs = typeof value === 'string' ? pairsOf(value) : Object.entries(value);
    const wrong = pairs.find(
      ([name, text]) => !/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(name) || !/^[\t\x20-\x7e]*$/.test(text),
    );
    if (wrong === undefined) return Object.fromEntries(pairs);
    context.addIssue({ code: 'custom', message: 'expected header names and values, such as authorization=Bearer abc' });
    return z.NEVER;
  });

function pairsOf(text: string): (readonly [string, string])[] {
  return text
    .split(',')
    .filter((pair) => pair.trim() !== '')
    .map((pair) => {
      const at = pair.indexOf('=');
      const [name, value] = at < 0 ? [pair, '\n'] : [pair.slice(0, at), pair.slice(at + 1)];
      return [name.trim(), decoded(value.trim())] as const;
    });
}

/** Values are percent-encoded in OpenTelemetry's variable. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const otlp = z.strictObject({
  endpoint: z
    .url({ protocol: /^https?$/, error: 'expected an http or https URL' })
    .transform((url) => url.replace(/\/+$/, ''))
    .optional()
    .describe(
      'URL of the OTLP/HTTP collector that receives [traces](monitoring.md#traces), without `/v1/traces`. Unset: ' +
        '`OTEL_EXPORTER_OTLP_ENDPOINT`; if that is also unset, tracing is off and none of its code is loaded.',
    ),
  headers: headers
    .optional()
    .describe(
      'Headers for the collector: a mapping, or a string such as `authorization=Bearer abc`. All values are treated as ' +
        'secrets. Unset: `OTEL_EXPORTER_OTLP_HEADERS`.',
    ),
  sampleRatio: numeric(z.number().min(0).max(1)).default(1).describe('Share of traces that is exported, 0 to 1.'),
});

export const telemetry = z.strictObject({ otlp: otlp.prefault({}) });
