import { expect, it } from 'vitest';
import { beginAfresh } from '../../src/web/client/player/afresh.js';

const box = (type: string) => new TextEncoder().encode(`\0\0\0\x08${type}`);

it('aborts a source buffer before each initialization segment but the first, which begins afresh anyhow', () => {
  const calls: string[] = [];
  const buffer = {
    appendBuffer(this: unknown, data: Uint8Array) {
      calls.push(`${this === buffer ? 'its' : 'another'} ${new TextDecoder().decode(data.subarray(4))}`);
    },
    abort: () => calls.push('abort'),
  };
  beginAfresh(buffer);
  for (const type of ['ftyp', 'moof', 'moof', 'ftyp', 'moof']) buffer.appendBuffer(box(type));
  expect(calls).toEqual(['its ftyp', 'its moof', 'its moof', 'abort', 'its ftyp', 'its moof']);
});
