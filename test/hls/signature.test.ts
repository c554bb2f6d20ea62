import { expect, it } from 'vitest';
import { mergeSignatures, trackSignature } from '../../src/hls/signature.js';

const nothingSeen = trackSignature({ container: 'fmp4', segment: new Uint8Array(0) });

it('knows nothing at first, and is not changed by that', () => {
  expect(mergeSignatures(undefined, '1b:aaaa f:bbbb')).toEqual({ known: '1b:aaaa f:bbbb', changed: false });
});

it('is changed where a track is another, and knows it then', () => {
  const { known, changed } = mergeSignatures('1b:aaaa f:bbbb', '1b:cccc f:bbbb');
  expect(changed).toBe(true);
  expect(mergeSignatures(known, '1b:cccc f:bbbb').changed).toBe(false);
});

it('is not changed by a segment too short for audio, and still knows the audio', () => {
  const { known, changed } = mergeSignatures('1b:aaaa f:bbbb', '1b:aaaa');
  expect(changed).toBe(false);
  expect(mergeSignatures(known, '1b:aaaa f:cccc').changed).toBe(true);
});

it('is not changed by a segment that repeats no parameter sets', () => {
  const { known, changed } = mergeSignatures('init:aaaa picture:bbbb', nothingSeen.replace(/init:\w+/, 'init:aaaa'));
  expect([known, changed]).toEqual(['init:aaaa picture:bbbb', false]);
});
