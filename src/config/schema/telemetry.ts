import { z } from 'zod';
import { numeric } from './values.js';

/** Where traces go. */

/** A mapping, or a text such as `authorization=Bearer abc,x-team=cameras`, as OpenTelemetry's own variable has it. */
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
      'An OTLP/HTTP collector that [traces](monitoring.md#traces) are sent to, without `/v1/traces`. Unset: ' +
        'none, and nothing of it is loaded. `OTEL_EXPORTER_OTLP_ENDPOINT` is taken where this is not set.',
    ),
  headers: headers
    .optional()
    .describe(
      'Sent with them: a mapping, or a text such as `authorization=Bearer abc`. All values count as secrets. ' +
        '`OTEL_EXPORTER_OTLP_HEADERS` is taken where this is not set.',
    ),
  sampleRatio: numeric(z.number().min(0).max(1)).default(1).describe('Which part of the traces is sent.'),
});

export const telemetry = z.strictObject({ otlp: otlp.prefault({}) });
