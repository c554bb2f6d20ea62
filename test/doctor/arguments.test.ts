import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { argumentChecks } from '../../src/doctor/arguments.js';
import { readCapabilities } from '../../src/ffmpeg/capabilities.js';
import { tryArgumentSets } from '../../src/stream/trial/argument-trial.js';
import { temporaryFolder } from '../support/clip.js';
import { embedded } from '../support/ffmpeg.js';

const { signal } = new AbortController();

describe('argumentChecks', () => {
  it('reports how many command lines ran, each that failed with a remedy, and what the build lacks', async () => {
    const results = await argumentChecks({
      tryAll: async () => [
        { name: 'copy', outcome: 'ok', detail: '' },
        { name: 'encode', outcome: 'failed', detail: 'Unrecognized option autoscale' },
        { name: 'SRT', outcome: 'missing', detail: 'no srt' },
      ],
    }).run(signal);
    expect(results).toMatchObject([
      { area: 'ffmpeg', check: 'command lines', ok: false, detail: '1 of 3 ran on a test clip' },
      {
        check: 'encode',
        ok: false,
        detail: 'Unrecognized option autoscale',
        remedy: expect.stringMatching(/ffmpeg\.path/),
      },
      { check: 'SRT', ok: 'skipped', detail: 'no srt' },
    ]);
  });

  it('leaves it to its own check that ffmpeg cannot be run', async () => {
    expect(await argumentChecks({ tryAll: async () => undefined }).run(signal)).toMatchObject([{ ok: 'skipped' }]);
  });

  it('finds a build that crashes on one kind of input, whatever its version says', async () => {
    const path = join(await temporaryFolder(), 'ffmpeg');
    const crash = 'case "$*" in */mjpeg*) kill -SEGV $$;; esac';
    await writeFile(path, `#!/bin/sh\n${crash}\nexec ${JSON.stringify(embedded.path)} "$@"\n`);
    await chmod(path, 0o755);
    const capabilities = await readCapabilities(path);
    const check = argumentChecks({ tryAll: (called) => tryArgumentSets({ capabilities, signal: called }) });
    const failed = (await check.run(signal)).filter(({ ok }) => ok === false);
    expect(failed.length).toBeGreaterThan(1);
    expect(failed[0]).toMatchObject({ check: 'command lines' });
    expect(failed.map(({ detail }) => detail).join('\n')).toMatch(/SIGSEGV|crash/i);
    for (const { check: name } of failed.slice(1)) expect(name).toMatch(/motion JPEG/i);
  }, 120_000);
});
