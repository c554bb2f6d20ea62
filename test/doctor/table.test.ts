import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CheckResult } from '../../src/doctor/check.js';
import { renderTable } from '../../src/doctor/table.js';

const results: CheckResult[] = [
  { area: 'ffmpeg', check: 'version', ok: true, detail: '4.1' },
  { area: 'store', check: 'public URL', ok: true, detail: 'readable', remedy: 'Add CORS.' },
  { area: 'ports', check: 'HTTP', ok: false, detail: 'taken\nby another', remedy: 'Stop it.' },
  { area: 'store', check: 'conditional put', ok: 'skipped', detail: 'no store', remedy: 'not shown' },
];

describe('renderTable', () => {
  it('aligns its columns and puts remedies below failures and what could be better', () => {
    expect(renderTable(results)).toBe(
      [
        'ok       ffmpeg  version          4.1',
        'ok       store   public URL       readable',
        '    → Add CORS.',
        'FAILED   ports   HTTP             taken by another',
        '    → Stop it.',
        'skipped  store   conditional put  no store',
        '',
      ].join('\n'),
    );
  });

  it('colours only when asked, without moving anything', () => {
    const coloured = renderTable(results, { colour: true });
    expect(coloured).toContain('\u001b[31mFAILED ');
    expect(coloured.replaceAll(/\p{Cc}\[\d+m/gu, '')).toBe(renderTable(results));
  });

  it('gives a terminal no control sequences, and one line a row', () => {
    const text = fc.string({ unit: 'binary' });
    const result = fc.record({ area: text, check: text, ok: fc.constant(true), detail: text });
    fc.assert(
      fc.property(fc.array(result, { maxLength: 5 }), (rows) => {
        const table = renderTable(rows);
        expect(table.split('\n')).toHaveLength(rows.length + 1);
        expect(table.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
      }),
    );
  });

  it('has nothing to say about nothing', () => {
    expect(renderTable([])).toBe('');
  });
});
