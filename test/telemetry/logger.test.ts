import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SidepipeError } from '../../src/errors.js';
import { createLogger, type LoggerOptions, loggerDestination, type NodeLogger } from '../../src/telemetry/logger.js';

function recorder(options: Partial<LoggerOptions> = {}) {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const log = createLogger({ level: 'info', secrets: [], destination, ...options });
  return { log, lines, events: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe('createLogger', () => {
  it('writes one JSON line an event, with time, level and stream', () => {
    const { log, lines, events } = recorder();
    log.child({ stream: 'front-door' }).info({ restarts: 3 }, 'live\nagain');
    log.debug('not at this level');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^[^\n]*\n$/);
    expect(events()[0]).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      stream: 'front-door',
      restarts: 3,
      msg: 'live\nagain',
    });
  });

  it('writes nothing at level silent', () => {
    const { log, lines } = recorder({ level: 'silent' });
    log.error('x');
    expect(lines).toEqual([]);
  });

  it('tells an error with its code, details and causes', () => {
    const { log, events } = recorder();
    const cause = new Error('connection refused', { cause: new AggregateError([new Error('inner')], 'several') });
    log.error({ err: new SidepipeError('no upload', { code: 'storage-failed', fault: 'storage', cause }) }, 'x');
    expect(events()[0]).toMatchObject({
      err: {
        name: 'SidepipeError',
        message: 'no upload',
        code: 'storage-failed',
        stack: expect.stringContaining('logger.test.ts'),
        cause: { message: 'connection refused', cause: { errors: [{ message: 'inner' }] } },
      },
    });
  });

  it('survives what has no JSON', () => {
    const { log, events } = recorder();
    const circle: Record<string, unknown> = { big: 1n };
    circle['self'] = circle;
    log.info({ circle, none: undefined, call: () => 1, odd: '\u2028"\\' }, 'x');
    expect(events()[0]).toMatchObject({ msg: 'x', odd: '\u2028"\\' });
  });

  it.each([false, true])('lets no secret through, wherever it is in an event (pretty: %s)', (pretty) => {
    const secret = fc
      .string({ unit: 'grapheme-ascii', minLength: 4, maxLength: 20 })
      .map((text) => `§${text.replaceAll('*', '+')}§`);
    fc.assert(
      fc.property(secret, (text) => {
        const { log, lines } = recorder({ secrets: [text, JSON.stringify(text).slice(1, -1)], pretty });
        const error = new SidepipeError(`failed ${text}`, {
          code: 'internal',
          fault: 'node',
          cause: new Error(text, { cause: text }),
          details: { deep: [{ [text]: text }] },
        });
        log.child({ bound: text }).error({ err: error, error, list: [text], [text]: { text } }, `message ${text}`);
        log.info(`at rtsp://user:other-password@camera/1`);
        const all = lines.join('');
        expect(lines).toHaveLength(2);
        expect(all).not.toContain(text);
        expect(all).not.toContain(JSON.stringify(text).slice(1, -1));
        expect(all).not.toContain('other-password');
        expect(all).toContain('rtsp://user:***@camera/1');
      }),
      { numRuns: 200 },
    );
  });

  it('stays readable when a password is an everyday word', () => {
    const { log, events } = recorder({ secrets: ['info', 'camera'] });
    log.child({ stream: 'camera' }).info('camera is live');
    expect(events()[0]).toMatchObject({ level: 'info', stream: 'camera', msg: '*** is live' });
  });

  it('writes lines for people when asked', () => {
    const { log, lines } = recorder({ pretty: true });
    log
      .child({ stream: 'cam' })
      .warn({ reason: 'no frame', count: 2, err: new Error('why', { cause: new Error('deeper') }) }, 'restart');
    expect(lines[0]).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} WARN {2}\[cam\] restart reason="no frame" count=2\n {4}Error: why\n/,
    );
    expect(lines[0]).toContain('\n  caused by\n    Error: deeper\n');
  });

  it('gives a terminal no control sequences', () => {
    const { log, lines } = recorder({ pretty: true });
    log.info({ stderr: '\u001b[2J', err: new Error('\u001b]0;title\u0007') }, 'a\u001b[31mb\nc');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    expect(lines[0]).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    expect(lines[0]).toContain('a\\x1b[31mb\\x0ac');
  });
});

describe('a logger of the embedding program', () => {
  function embedded(level: LoggerOptions['level'], secrets: string[] = []) {
    const calls: [keyof NodeLogger, Readonly<Record<string, unknown>>, string][] = [];
    const record = (method: keyof NodeLogger) => (facts: Readonly<Record<string, unknown>>, message: string) =>
      void calls.push([method, facts, message]);
    const logger = { debug: record('debug'), info: record('info'), warn: record('warn'), error: record('error') };
    return { log: createLogger({ level, secrets, destination: loggerDestination(logger) }), calls };
  }

  it('gets each event by its level, with its facts and its message', () => {
    const { log, calls } = embedded('trace');
    log.child({ stream: 'cam' }).info({ restarts: 3 }, 'live');
    log.trace('finest');
    log.debug({ a: 1 }, 'fine');
    log.warn({ b: [2] }, 'odd');
    log.error('broken');
    expect(calls).toEqual([
      ['info', { stream: 'cam', restarts: 3 }, 'live'],
      ['debug', {}, 'finest'],
      ['debug', { a: 1 }, 'fine'],
      ['warn', { b: [2] }, 'odd'],
      ['error', {}, 'broken'],
    ]);
  });

  it('gets nothing below the level', () => {
    const { log, calls } = embedded('warn');
    log.info('not at this level');
    expect(calls).toEqual([]);
  });

  it('gets no secret, and errors as plain facts', () => {
    const { log, calls } = embedded('info', ['hunter2-secret']);
    const err = new SidepipeError('failed hunter2-secret', {
      code: 'internal',
      fault: 'node',
      cause: new Error('hunter2-secret'),
    });
    log.error({ err, url: 'rtsp://user:other-password@camera/1' }, 'message hunter2-secret');
    expect(calls).toEqual([
      [
        'error',
        {
          err: expect.objectContaining({
            name: 'SidepipeError',
            message: 'failed ***',
            code: 'internal',
            stack: expect.any(String),
          }),
          url: 'rtsp://user:***@camera/1',
        },
        'message ***',
      ],
    ]);
    expect(JSON.stringify(calls)).not.toMatch(/hunter2|other-password/);
  });

  it('stops nothing when it throws', () => {
    const fail = () => {
      throw new Error('full');
    };
    const logger = { debug: fail, info: fail, warn: fail, error: fail };
    const log = createLogger({ level: 'info', destination: loggerDestination(logger) });
    expect(() => log.info('x')).not.toThrow();
  });
});
