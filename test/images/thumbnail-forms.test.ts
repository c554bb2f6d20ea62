import { describe, expect, it } from 'vitest';
import { keyOf, ThumbnailForms } from '../../src/images/thumbnail-forms.js';

const NOW = Date.UTC(2027, 0, 1);
const small = { name: 'small', width: 320 };

function formsOf(everyForm = false) {
  return new ThumbnailForms({ formats: ['jpg', 'webp'], sizes: [small], everyForm });
}

const wanted = (forms: ThumbnailForms, now: number) => forms.wanted(now).map(keyOf);

describe('ThumbnailForms', () => {
  it('wants what was asked for in the last minute, beside the first', () => {
    const forms = formsOf();
    expect(keyOf(forms.first)).toBe('jpg');
    expect(wanted(forms, NOW)).toEqual([]);
    forms.ask('jpg', undefined, NOW);
    forms.ask('webp', 'small', NOW);
    forms.ask('webp', undefined, NOW + 30_000);
    expect(wanted(forms, NOW + 59_999)).toEqual(['webp', 'webp-small']);
    expect(wanted(forms, NOW + 60_000)).toEqual(['webp']);
  });

  it('wants every form, asked for or not, where pictures are uploaded', () => {
    expect(wanted(formsOf(true), NOW)).toEqual(['webp', 'jpg-small', 'webp-small']);
  });

  it('knows no form that is not configured', () => {
    const forms = formsOf();
    expect(forms.ask('avif', undefined, NOW)).toBeUndefined();
    expect(forms.ask('jpg', 'large', NOW)).toBeUndefined();
    expect(forms.ask('jpg', 'small', NOW)).toEqual({ format: 'jpg', size: small });
  });
});
