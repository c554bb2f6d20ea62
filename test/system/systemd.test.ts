import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const unit = fileURLToPath(new URL('../../deploy/sidepipe.service', import.meta.url));

it('is a unit that systemd takes whole, and shut in well', async () => {
  const { stdout } = await promisify(execFile)('systemd-analyze', ['security', '--offline=true', '--no-pager', unit]);
  const exposure = Number(/Overall exposure level for sidepipe\.service: ([\d.]+)/.exec(stdout)?.[1]);
  // systemd calls up to 2 "OK"; a service without any of its settings stands at 9.6.
  expect(exposure).toBeLessThan(2);
  // Unknown settings and values are told here, and only here.
  const { stderr } = await promisify(execFile)('systemd-analyze', ['verify', '--man=no', unit]).catch(
    (error: { stderr: string }) => error,
  );
  const complaints = stderr.split('\n').filter((line) => line.includes('sidepipe.service'));
  // The program that it starts is not installed where the unit says, on a machine that only tests it.
  expect(complaints.filter((line) => !line.includes('is not executable'))).toEqual([]);
});
