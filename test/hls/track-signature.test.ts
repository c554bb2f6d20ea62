import fc from 'fast-check';
import { expect, it } from 'vitest';
import { mergeSignatures, trackSignature } from '../../src/hls/track-signature.js';

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

it('reads a segment of any bytes without an exception, and without more work than it has packets', () => {
  // Packets that look like a table or a picture, so that what is behind their headers is read too.
  const packet = fc
    .tuple(fc.constantFrom(0, 0x100, 0x101), fc.boolean(), fc.nat(3), fc.uint8Array({ minLength: 184, maxLength: 184 }))
    .map(([pid, starts, control, payload]) =>
      Buffer.concat([Uint8Array.of(0x47, (starts ? 0x40 : 0) | (pid >> 8), pid & 0xff, control << 4), payload]),
    );
  const boxes = fc.uint8Array({ maxLength: 400 });
  fc.assert(
    fc.property(fc.array(packet, { maxLength: 20 }), boxes, boxes, (packets, init, segment) => {
      expect(typeof trackSignature({ container: 'mpegts', segment: Buffer.concat(packets) })).toBe('string');
      expect(typeof trackSignature({ container: 'fmp4', init, segment })).toBe('string');
    }),
    { numRuns: 500 },
  );
});
