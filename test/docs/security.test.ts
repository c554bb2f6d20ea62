import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseConfig } from '../../src/config/parse.js';
import type { ConfigInput } from '../../src/config/schema/schema.js';
import * as library from '../../src/index.js';

const text = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8');
const blocks = (language: string) =>
  [...text.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, code]) => code ?? '');

it('shows configurations that can be used', () => {
  const examples = blocks('yaml');
  expect(examples).toHaveLength(2);
  for (const each of examples) {
    const config = parse(each) as ConfigInput;
    expect(() => parseConfig({ ...config, streams: [{ name: 'front-door', source: 'test' }] })).not.toThrow();
  }
});

it('shows a helper that there is', () => {
  const [example = ''] = blocks('ts');
  const [, names = ''] = /import \{ ([^}]+) \} from 'sidepipe'/.exec(example) ?? [];
  expect(names.split(', ').every((name) => name in library)).toBe(true);
});

it('tells the limits that are', () => {
  const { http, admin } = parseConfig({});
  for (const value of [http.rateLimit.apiPerMinute, http.rateLimit.failedLoginsPerMinute, admin.loginHours]) {
    expect(text).toContain(`(${value})`);
  }
  expect(text).toContain(`(${http.maxConnections.toLocaleString('en')})`);
});
