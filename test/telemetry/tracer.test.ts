import { expect, it } from 'vitest';
import { createLogger } from '../../src/telemetry/logger.js';
import { openTracer } from '../../src/telemetry/tracer.js';

const options = {
  ...{ endpoint: 'http://127.0.0.1:9', headers: {}, sampleRatio: 1, version: '1.0.0' },
  log: createLogger({ level: 'silent' }),
};

/** What Node.js throws for an import that it cannot find. */
function notFound(name: string): Error {
  const message = `Cannot find package '${name}' imported from /app/dist/telemetry/otlp.js`;
  return Object.assign(new Error(message), { code: 'ERR_MODULE_NOT_FOUND' });
}

it('opens a tracer where the packages of OpenTelemetry are installed', async () => {
  const tracer = await openTracer(options);
  await tracer.close(0);
});

it('names the setting and the package if one of OpenTelemetry is missing', async () => {
  const opened = openTracer(options, () => Promise.reject(notFound('@opentelemetry/sdk-trace-base')));
  const message = expect.stringMatching(
    /^requires the optional package @opentelemetry\/sdk-trace-base, which is not installed/,
  );
  await expect(opened).rejects.toMatchObject({
    ...{ name: 'SidepipeError', code: 'config-invalid', fault: 'caller' },
    details: { problems: [{ path: 'telemetry.otlp.endpoint', message }] },
  });
});

it('passes on every other failure', async () => {
  for (const error of [notFound('left-pad'), new Error('@opentelemetry/api is broken')]) {
    await expect(openTracer(options, () => Promise.reject(error))).rejects.toBe(error);
  }
});
