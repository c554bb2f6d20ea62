import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { environmentName } from '../../src/config/environment.js';
import { fields } from '../../src/config/parse.js';

const text = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
const rows = text
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

describe('docs/configuration.md', () => {
  it.each(fields.map((field) => [field.path.join('.'), field] as const))('describes %s', (_, field) => {
    const setting = field.path.join('.').replaceAll('.*', '[n]');
    const cells = rows.find(([first]) => first === `\`${setting}\``);
    expect(cells, `a row for ${setting}`).toBeDefined();
    expect(cells).toHaveLength(4);
    expect(cells?.[2]?.length).toBeGreaterThan(10);
    expect(cells?.[3]).toBe(`\`${environmentName(field.path).replaceAll('*', 'n')}\``);
    if (field.defaultValue !== undefined && field.defaultValue !== '') {
      const shown = setting === 'storage.backlogBytes' ? '64MiB' : String(field.defaultValue);
      expect(cells?.[1]).toBe(`\`${shown}\``);
    }
  });

  it('describes nothing that there is not', () => {
    expect(rows).toHaveLength(fields.length);
  });
});
