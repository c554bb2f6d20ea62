import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRedactor } from '../../../src/config/redact.js';
import type { LogLine } from '../../../src/ffmpeg/log/log-line.js';
import { LogTail } from '../../../src/ffmpeg/log/log-tail.js';

function makeTail(redact = (text: string) => text) {
  const told: LogLine[] = [];
  const tail = new LogTail({ redact, onLine: (line) => told.push(line) });
  const push = (text: string, cuts: readonly number[] = []) => {
    const bytes = Buffer.from(text);
    const ends = [...cuts.map((cut) => Math.floor(cut * bytes.length)), bytes.length].sort((a, b) => a - b);
    let start = 0;
    for (const end of ends) {
      tail.push(bytes.subarray(start, end));
      start = end;
    }
  };
  return { tail, told, push, texts: () => tail.lines().map(({ text }) => text) };
}

const cutsArbitrary = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 });

describe('LogTail', () => {
  it('gives the same lines wherever the bytes are cut, letters of several bytes too', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'é', '€', '😀', ' ', '[', ']'), minLength: 1, maxLength: 20 });
    const ending = fc.constantFrom('\n', '\r', '\r\n', '\n\n');
    fc.assert(
      fc.property(fc.array(fc.tuple(word, ending), { maxLength: 30 }), cutsArbitrary, (lines, cuts) => {
        const { tail, push, told } = makeTail();
        push(lines.map(([text, end]) => `[error] x${text}${end}`).join(''), cuts);
        tail.close();
        expect(tail.lines()).toEqual(lines.map(([text]) => ({ level: 'error', module: '', text: `x${text}` })));
        expect(told).toEqual(tail.lines());
      }),
    );
  });

  it('keeps the last line though it does not end, and only once', () => {
    const { tail, push, texts } = makeTail();
    push('[error] one\n[error] tw');
    expect(texts()).toEqual(['one']);
    push('o');
    tail.close();
    tail.close();
    expect(texts()).toEqual(['one', 'two']);
  });

  it('keeps the newest lines, bounded in number and length', () => {
    const { tail, push, told } = makeTail();
    for (let line = 0; line < 1000; line++) push(`[info] ${line} ${'x'.repeat(5000)}\n`);
    const lines = tail.lines();
    expect(told).toHaveLength(1000);
    expect(lines).toHaveLength(40);
    expect(lines.at(-1)?.text.startsWith('999 x')).toBe(true);
    expect(lines.at(0)?.text.startsWith('960 x')).toBe(true);
    for (const { text } of lines) expect(text.length).toBeLessThanOrEqual(400);
  });

  it('holds a bounded part of a line that never ends', () => {
    let longest = 0;
    const { tail, push } = makeTail((text) => {
      longest = Math.max(longest, text.length);
      return text;
    });
    for (let piece = 0; piece < 2000; piece++) push('x'.repeat(1000));
    push('\n[error] next\n');
    tail.close();
    expect(longest).toBeLessThan(20_000);
    expect(tail.lines().at(-1)?.text).toBe('next');
    expect(tail.lines()).toHaveLength(2);
  });

  it('leaves out what comes with each segment, and keeps its neighbours', () => {
    const { push, texts } = makeTail();
    push("[hls @ 0x5] [info] Opening 'loopback:/3.ts' for writing\n[info] \n[info] Press [q] to stop\n");
    push(
      "[hls @ 0x5] [warning] Cannot use rename on non file protocol, this may lead to races\n[info] Opening 'x' for reading\n",
    );
    expect(texts()).toEqual(["Opening 'x' for reading"]);
  });

  it('redacts a line whole, before it is cut, wherever its bytes were cut', () => {
    const secret = 'S3cr+t/w0rd';
    const redact = createRedactor([secret]);
    const before = fc.integer({ min: 0, max: 420 });
    fc.assert(
      fc.property(before, cutsArbitrary, (length, cuts) => {
        const { tail, push, told } = makeTail(redact);
        push(`[error] ${'y'.repeat(length)} rtsp://user:${secret}@camera/1\n`, cuts);
        tail.close();
        const shown = JSON.stringify([told, tail.lines()]);
        for (let size = 3; size <= secret.length; size++) expect(shown).not.toContain(secret.slice(0, size));
      }),
    );
  });

  it('shows no part of a secret in a line that was too long to be held whole', () => {
    const secret = 'qwertzuiop';
    const redact = createRedactor([secret]);
    for (let length = 8100; length < 8200; length++) {
      const { tail, push } = makeTail(redact);
      // Many long passwords before it: the redacted line is short, and its end is not cut off.
      const filler = `rtsp://u:${'p'.repeat(length)}@h `;
      push(filler);
      push(`${secret} and more`);
      push(' and more\n');
      tail.close();
      const shown = JSON.stringify(tail.lines());
      for (let size = 3; size <= secret.length; size++)
        expect(shown, String(length)).not.toContain(secret.slice(0, size));
    }
  });
});
