import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createKeyframeFlush } from '../../../src/ingest/rtmp/keyframe-flush.js';

/** A decoder's configuration whose lengths have so many bytes. */
const header = (lengthBytes = 4) => Uint8Array.of(0x17, 0, 0, 0, 0, 1, 100, 0, 31, 0xfc | (lengthBytes - 1), 0xe1);
const keyframe = Uint8Array.of(0x17, 1, 0, 0, 0, 0, 0, 0, 1, 0x65);
const picture = Uint8Array.of(0x27, 1, 0, 0, 40, 0, 0, 0, 1, 0x41);

const pass = (payloads: readonly Uint8Array[]) => payloads.map(createKeyframeFlush());

describe('createKeyframeFlush', () => {
  it('ends the picture behind each keyframe with an end of sequence, and no other', () => {
    const mark = [0, 0, 0, 1, 0x6a];
    const through = pass([header(), keyframe, picture, picture, keyframe, picture]);
    expect(through).toEqual([
      ...[header(), keyframe, Uint8Array.of(...picture, ...mark), picture],
      ...[keyframe, Uint8Array.of(...picture, ...mark)],
    ]);
  });

  it.each([1, 2, 4])('writes lengths of %i bytes', (lengthBytes) => {
    const [, , marked] = pass([header(lengthBytes), keyframe, picture]);
    expect([...marked!.subarray(picture.length)]).toEqual([...Array(lengthBytes - 1).fill(0), 1, 0x6a]);
  });

  it('leaves alone what it does not know: no configuration, an end of stream, other codecs, Enhanced RTMP', () => {
    const end = Uint8Array.of(0x17, 2, 0, 0, 0);
    const other = Uint8Array.of(0x12, 1, 2, 3);
    const enhanced = Uint8Array.of(0x90 | 1, ...Buffer.from('avc1'), 1);
    for (const payloads of [
      [keyframe, picture],
      [header(), keyframe, end],
      [header(), other, other],
      [header(), enhanced, enhanced],
    ])
      expect(pass(payloads)).toEqual(payloads);
  });

  it('takes whatever a publisher sends, and never shortens or changes it', () => {
    const payload = fc.uint8Array({ maxLength: 20 });
    fc.assert(
      fc.property(fc.array(fc.oneof(payload, fc.constantFrom(header(), keyframe, picture))), (payloads) => {
        const through = pass(payloads);
        for (const [index, bytes] of payloads.entries())
          expect(through[index]!.subarray(0, bytes.length)).toEqual(bytes);
      }),
    );
  });
});
