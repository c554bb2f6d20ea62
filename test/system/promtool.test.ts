import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

it('Prometheus itself takes the alert rules', async () => {
  const rules = fileURLToPath(new URL('../../deploy/prometheus-rules.yaml', import.meta.url));
  const { stdout } = await promisify(execFile)('promtool', ['check', 'rules', rules]);
  expect(stdout).toMatch(/SUCCESS: \d{2} rules found/);
});
