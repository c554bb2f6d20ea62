import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { signatureHeaders } from '../../src/alerts/signature.js';
import { parseConfig } from '../../src/config/parse.js';

const text = await readFile(new URL('../../docs/monitoring.md', import.meta.url), 'utf8');
const block = (language: string) => new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 's').exec(text)?.[1] ?? '';

it('the example of docs/monitoring.md verifies what is sent', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sidepipe-verify-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'verify.mjs');
  await writeFile(path, block('js'));
  const { isGenuine } = await import(/* @vite-ignore */ pathToFileURL(path).href);
  const secret = 'at-least-sixteen-characters';
  const now = 1_800_000_000_000;
  const body = JSON.stringify({ stream: 'höf' });
  const headers = signatureHeaders({ secret, body, timestamp: now / 1000 });
  expect(isGenuine(secret, headers, Buffer.from(body), now)).toBe(true);
  expect(isGenuine(secret, headers, Buffer.from(`${body} `), now)).toBe(false);
  expect(isGenuine('another-secret-altogether', headers, Buffer.from(body), now)).toBe(false);
  expect(isGenuine(secret, headers, Buffer.from(body), now + 301_000)).toBe(false);
  expect(isGenuine(secret, {}, Buffer.from(body), now)).toBe(false);
});

it('its configuration is one', () => {
  expect(parseConfig(parse(block('yaml'))).alerts.webhooks).toHaveLength(2);
});
