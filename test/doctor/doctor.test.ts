import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse.js';
import type { Check } from '../../src/doctor/check.js';
import { type DoctorOptions, doctorChecks, runDoctor } from '../../src/doctor/doctor.js';

const configOf = (...sources: string[]) =>
  parseConfig({
    http: { host: '127.0.0.1', port: 0 },
    streams: sources.map((source, index) => ({ name: `s${index}`, source })),
  });
const config = configOf('rtsp://u:hunter2@camera/1');

async function run(checks: readonly Check[], more: Partial<DoctorOptions> = {}) {
  const parts: string[] = [];
  const code = await runDoctor({ config, checks, write: (part) => parts.push(part), ...more });
  return { code, text: parts.join('') };
}

const check = (area: string, run: Check['run']): Check => ({ area, run });

describe('runDoctor', () => {
  it('finds this machine well, with the embedded ffmpeg', async () => {
    const { code, text } = await run(doctorChecks(configOf('test')));
    expect(text).toMatch(/^ok +ffmpeg +version +\S/m);
    expect(text).toMatch(/^ok +ffmpeg +command lines +4\d of 4\d ran on a test clip/m);
    expect(text).toMatch(/^ok +source +s0 +test pattern/m);
    expect(text).toMatch(/^ok +images +sharp loads/m);
    expect(text).toMatch(/^ok +ports +HTTP/m);
    expect(text).toMatch(/^ok +limits +open files/m);
    expect(text).toMatch(/^skipped +store +object store/m);
    expect(text).toContain('All checks passed.');
    expect(code).toBe(0);
  });

  it('is never well while a source cannot be opened', async () => {
    const checks = doctorChecks(configOf('test', '/no/such/file.mp4')).filter(({ area }) => area !== 'ffmpeg');
    const { code, text } = await run(checks);
    expect(code).toBe(1);
    expect(text).toMatch(/^FAILED +source +s1 +\/no\/such\/file\.mp4: .*does not exist\.\n +→ Correct the path/m);
    expect(text).not.toContain('All is well');
    expect(text).toMatch(/1 of \d+ checks failed\.\n$/);
  }, 60_000);

  it('counts warnings, which stop nothing', async () => {
    const checks = [
      check('a', async () => [{ area: 'a', check: 'x', ok: 'warning', detail: 'odd', remedy: 'Do it.' }]),
    ];
    expect(await run(checks)).toEqual({
      code: 0,
      text: 'warning  a  x  odd\n    → Do it.\n\nNo check failed, 1 warning.\n',
    });
  });

  it('says the same to programs, without secrets', async () => {
    const checks = [
      check('a', async () => [{ area: 'a', check: 'x', ok: false, detail: 'rtsp://u:hunter2@camera', remedy: 'Go.' }]),
      check('b', async () => [{ area: 'b', check: 'y', ok: true, detail: 'fine' }]),
    ];
    const { code, text } = await run(checks, { format: 'json' });
    expect(code).toBe(1);
    expect(text).not.toContain('hunter2');
    expect(JSON.parse(text)).toEqual({
      ok: false,
      failed: 1,
      warnings: 0,
      results: [
        { area: 'a', check: 'x', ok: false, detail: 'rtsp://u:***@camera', remedy: 'Go.' },
        { area: 'b', check: 'y', ok: true, detail: 'fine' },
      ],
    });
  });

  it('gives a check the time that it asks for', async () => {
    const slow = (timeoutMs?: number): Check => ({
      area: 'slow',
      ...(timeoutMs !== undefined && { timeoutMs }),
      run: async (signal) => {
        await new Promise((resolve) => setTimeout(resolve, 100));
        return [{ area: 'slow', check: 'x', ok: !signal.aborted, detail: 'fine' }];
      },
    });
    expect((await run([slow(60_000)], { timeoutMs: 1 })).code).toBe(0);
    expect((await run([slow()], { timeoutMs: 1 })).code).toBe(1);
  });

  it('fails with a remedy for an ffmpeg that is not there', async () => {
    const other = { ...config, ffmpeg: { ...config.ffmpeg, path: '/nowhere/ffmpeg' } };
    // Its sources are not blamed for that.
    const { code, text } = await run(doctorChecks(other));
    expect(code).toBe(1);
    expect(text).toMatch(/^FAILED +ffmpeg .*\/nowhere\/ffmpeg/m);
    expect(text).toContain('SIDEPIPE_FFMPEG_PATH');
    expect(text).toContain('1 of ');
    expect(text).toMatch(/^skipped +source +s0 +not opened, because ffmpeg is unusable$/m);
  });

  it('goes on after a check that throws or hangs', async () => {
    const { code, text } = await run(
      [
        check('one', () => Promise.reject(new Error('outer', { cause: new Error('inner') }))),
        check('two', () => new Promise(() => undefined)),
        check('three', async () => [{ area: 'three', check: 'x', ok: true, detail: 'fine' }]),
      ],
      { timeoutMs: 50 },
    );
    expect(code).toBe(1);
    expect(text).toMatch(/^FAILED +one .*outer: inner$/m);
    expect(text).toMatch(/^FAILED +two .*timed out after 0\.05 s$/m);
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
