import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse.js';
import type { Check } from '../../src/doctor/check.js';
import { doctorChecks, runDoctor } from '../../src/doctor.js';

const config = parseConfig({
  http: { host: '127.0.0.1', port: 0 },
  streams: [{ name: 'a', source: 'rtsp://u:hunter2@camera/1' }],
});

async function run(checks: readonly Check[], timeoutMs = 60_000) {
  const parts: string[] = [];
  const code = await runDoctor({ config, checks, timeoutMs, write: (part) => parts.push(part) });
  return { code, text: parts.join('') };
}

const check = (area: string, run: Check['run']): Check => ({ area, run });

describe('runDoctor', () => {
  it('finds this machine well, with the embedded ffmpeg', async () => {
    const { code, text } = await run(doctorChecks(config));
    expect(text).toMatch(/^ok +ffmpeg +version +\S/m);
    expect(text).toMatch(/^ok +images +sharp loads/m);
    expect(text).toMatch(/^ok +ports +HTTP/m);
    expect(text).toMatch(/^skipped +store +object store/m);
    expect(text).toContain('All is well.');
    expect(code).toBe(0);
  });

  it('fails with a remedy for an ffmpeg that is not there', async () => {
    const other = { ...config, ffmpeg: { ...config.ffmpeg, path: '/nowhere/ffmpeg' } };
    const { code, text } = await run(doctorChecks(other));
    expect(code).toBe(1);
    expect(text).toMatch(/^FAILED +ffmpeg .*\/nowhere\/ffmpeg/m);
    expect(text).toContain('SIDEPIPE_FFMPEG_PATH');
    expect(text).toContain('1 of ');
  });

  it('goes on after a check that throws or hangs', async () => {
    const { code, text } = await run(
      [
        check('one', () => Promise.reject(new Error('outer', { cause: new Error('inner') }))),
        check('two', () => new Promise(() => undefined)),
        check('three', async () => [{ area: 'three', check: 'x', ok: true, detail: 'fine' }]),
      ],
      50,
    );
    expect(code).toBe(1);
    expect(text).toMatch(/^FAILED +one .*outer: inner$/m);
    expect(text).toMatch(/^FAILED +two .*no answer within 0\.05 s$/m);
    expect(text).toMatch(/^ok +three/m);
    expect(text).toContain('2 of 3 checks failed.');
  });

  it('does not count what was skipped, and shows no secret', async () => {
    const { code, text } = await run([
      check('a', async () => [{ area: 'a', check: 'x', ok: 'skipped', detail: 'rtsp://u:hunter2@camera and hunter2' }]),
    ]);
    expect(code).toBe(0);
    expect(text).not.toContain('hunter2');
  });
});
