import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LineSplitter } from '../../../src/ffmpeg/log/line-splitter.js';
import { ProgressParser } from '../../../src/ffmpeg/log/progress.js';

const pieces = fc.array(
  fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.constantFrom('a=1\n', 'frame=9e999\n', 'progress=end\n', '\n', '=').map((text) => Buffer.from(text)),
  ),
  { maxLength: 40 },
);

it('gives the same lines wherever the bytes are cut, none longer than allowed', () => {
  fc.assert(
    fc.property(pieces, (given) => {
      const bytes = Buffer.concat(given);
      const whole = new LineSplitter({ end: /\n/, longest: 10 });
      const one = [...whole.push(bytes), whole.close()];
      const cut = new LineSplitter({ end: /\n/, longest: 10 });
      const many = [...given.flatMap((piece) => cut.push(piece)), cut.close()];
      expect(many).toEqual(one);
      expect(many.every(({ length }) => length <= 10)).toBe(true);
    }),
  );
});

it('looks at each character once', () => {
  const splitter = new LineSplitter({ end: /\n/, longest: 100_000 });
  for (let at = 0; at < 100_000; at++) splitter.push(Uint8Array.of(0x78));
  expect(splitter.work).toBe(100_000);
  expect(splitter.close()).toHaveLength(100_000);
});

it('lets a progress report of any bytes pass without an exception or a number that is none', () => {
  fc.assert(
    fc.property(pieces, (given) => {
      const parser = new ProgressParser(({ end: _end, ...numbers }) => {
        for (const value of Object.values(numbers)) expect(value === undefined || Number.isFinite(value)).toBe(true);
      });
      for (const piece of given) parser.push(piece);
    }),
  );
});
