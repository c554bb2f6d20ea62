import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { v8Flags } from '../../src/cli/v8-flags.js';

test('v8 flags: garbage may double the heap where there is memory for it, and not on a small board', () => {
  const growing = (bytes: number) => v8Flags(bytes).some((flag) => flag.startsWith('--heap-growing-percent'));
  expect(growing(4 * 1024 ** 3)).toBe(true);
  expect(growing(256 * 1024 ** 2)).toBe(false);
});

test('v8 flags: this version of Node.js knows each of them', async () => {
  const script = `for (const flag of ${JSON.stringify(v8Flags(2 ** 40))}) require('node:v8').setFlagsFromString(flag)`;
  // V8 complains of flags that it does not know, and goes on.
  const said = await promisify(execFile)(process.execPath, ['-e', script]);
  expect(said).toEqual({ stdout: '', stderr: '' });
});
