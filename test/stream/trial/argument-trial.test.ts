import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readCapabilities } from '../../../src/ffmpeg/capabilities.js';
import { type ArgumentSetResult, requireSets, tryArgumentSets } from '../../../src/stream/trial/argument-trial.js';
import { temporaryFolder } from '../../support/clip.js';
import { embedded } from '../../support/ffmpeg.js';

const failures = (results: readonly ArgumentSetResult[]) => results.filter(({ outcome }) => outcome === 'failed');

/** The embedded ffmpeg behind a script. */
async function scripted(script: string): Promise<string> {
  const path = join(await temporaryFolder(), 'ffmpeg');
  await writeFile(path, `#!/bin/sh\n${script}\nexec '${embedded.path}' "$@"\n`);
  await chmod(path, 0o755);
  return path;
}

it('runs every command line that the node can make on the embedded ffmpeg', async () => {
  const results = await tryArgumentSets({ capabilities: await readCapabilities(embedded.path) });
  expect(failures(results)).toEqual([]);
  // This build has no SRT.
  expect(results.filter(({ outcome }) => outcome === 'missing').map(({ name }) => name)).toEqual(['SRT, calling']);
  expect(results.length).toBeGreaterThanOrEqual(32);
  expect(() => requireSets(embedded.path, results)).not.toThrow();
}, 120_000);

it("reports an option that a build rejects with ffmpeg's own line, and a build that crashes", async () => {
  // As 7.0 answers to an option with a value that it takes for a flag, and as a build that dies on reading MPEG-TS.
  const path = await scripted(
    `case "$*" in
       *mpeg1video*pipe:7*) set -- "$@" -autoscale-gone 0 ;;
       *' -y '*) ;;
       *clip.ts*) kill -SEGV $$ ;;
     esac`,
  );
  const results = await tryArgumentSets({ capabilities: await readCapabilities(path) });
  const failed = failures(results);
  const monitor = failed.find(({ name }) => name === 'copy with the monitor');
  expect(monitor?.detail).toContain("Unrecognized option 'autoscale-gone'");
  const crashed = failed.find(({ name }) => name === 'HTTP, live');
  expect(crashed?.detail).toMatch(/ffmpeg crashed \(SIGSEGV\)/);
  expect(failed.some(({ name }) => name === 'copy to MPEG-TS, thumbnails of keyframes')).toBe(false);
  expect(() => requireSets(path, results)).toThrow(expect.objectContaining({ code: 'ffmpeg-unusable' }));
}, 120_000);

it('leaves no process behind when it is aborted', async () => {
  const abort = new AbortController();
  const trial = tryArgumentSets({ capabilities: await readCapabilities(embedded.path), signal: abort.signal });
  setImmediate(() => abort.abort(new Error('enough')));
  await expect(trial).rejects.toThrow();
});
