import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it, onTestFinished } from 'vitest';
import { type OutputTarget, OutputWriter, openOutput } from '../../src/telemetry/output.js';
import { emptyFolder } from '../support/child-node.js';
import { until } from '../support/wait.js';

const gapLine = (dropped: number) => `gap ${dropped}\n`;
const failure = (code: string) => Object.assign(new Error(code), { code });

/** What a reader got: lines and the lines that gaps stand for. */
function received(text: string): { lines: string[]; dropped: number } {
  const all = text.split('\n').slice(0, -1);
  const gaps = all.filter((line) => line.startsWith('gap '));
  return {
    lines: all.filter((line) => !line.startsWith('gap ')),
    dropped: gaps.reduce((sum, line) => sum + Number(line.slice(4)), 0),
  };
}

/** A target that a test opens and shuts, and delays that pass at once. */
function scripted(options: { maxBytes: number; next: (bytes: number) => number | string }) {
  let text = '';
  const target: OutputTarget = {
    write: async (bytes) => {
      const answer = options.next(bytes.length);
      if (typeof answer === 'string') throw failure(answer);
      text += Buffer.from(bytes.subarray(0, answer)).toString('latin1');
      return answer;
    },
  };
  const delay = () => new Promise((resolve) => setImmediate(resolve));
  return { writer: new OutputWriter({ target, maxBytes: options.maxBytes, gapLine, delay }), text: () => text };
}

it.each(['EAGAIN', 'ENOSPC', 'EPIPE', 'EIO', 'EDQUOT', 'EBADF'])(
  'output: 60,000 lines while the destination answers %s are bounded, counted and reported in one line',
  async (code) => {
    let isOpen = false;
    const { writer, text } = scripted({ maxBytes: 100_000, next: (bytes) => (isOpen ? bytes : code) });
    let counted = 0;
    writer.onDropped((lines) => {
      counted += lines;
    });
    let most = 0;
    for (let second = 0; second < 60; second++) {
      for (let event = 0; event < 1000; event++) writer.write(`{"event":${second * 1000 + event},"msg":"something"}\n`);
      most = Math.max(most, writer.bufferedBytes);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(most).toBeLessThanOrEqual(100_000);
    expect(writer.dropped).toBeGreaterThan(50_000);
    isOpen = true;
    await until('the end', () => writer.flush(1000));
    writer.write('after\n');
    await writer.flush(10_000);
    const { lines, dropped } = received(text());
    expect(text().match(/gap /g)).toHaveLength(1);
    expect(lines.at(-1)).toBe('after');
    expect([dropped, counted]).toEqual([writer.dropped, writer.dropped]);
    expect(lines.length - 1 + dropped).toBe(60_000);
  },
);

it('output: accepted lines arrive whole, once and in order, and gaps count the rest, whatever the destination answers', async () => {
  const answer = fc.oneof(
    fc.integer({ min: 0, max: 90 }),
    fc.constantFrom('EAGAIN', 'ENOSPC', 'EPIPE', 'EINTR', 'EIO'),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(answer, { maxLength: 60 }),
      fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.boolean()), { maxLength: 80 }),
      async (answers, lines) => {
        let at = 0;
        const next = (bytes: number) => {
          const given = answers[at++];
          return typeof given === 'number' ? Math.min(given, bytes) : (given ?? bytes);
        };
        const { writer, text } = scripted({ maxBytes: 300, next });
        for (const [index, [length, pauses]] of lines.entries()) {
          writer.write(`${index}:${'x'.repeat(length)}\n`);
          if (pauses) await new Promise((resolve) => setImmediate(resolve));
        }
        while (!(await writer.flush(10_000)));
        const got = received(text());
        const numbers = got.lines.map((line) => Number(line.split(':')[0]));
        expect(got.lines).toEqual(numbers.map((index) => `${index}:${'x'.repeat(lines[index]![0])}`));
        expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
        expect(new Set(numbers).size).toBe(numbers.length);
        expect(numbers.length + got.dropped).toBe(lines.length);
        expect(got.dropped).toBe(writer.dropped);
      },
    ),
  );
});

/** A named pipe, open at both ends. Reading it does not wait. */
async function namedPipe() {
  const path = join(await emptyFolder(), 'pipe');
  execFileSync('mkfifo', [path]);
  const open = (flags: number) => {
    const descriptor = openSync(path, flags);
    let isOpen = true;
    const close = () => {
      if (isOpen) closeSync(descriptor);
      isOpen = false;
    };
    onTestFinished(close);
    return { descriptor, close };
  };
  const reader = () => open(constants.O_RDONLY | constants.O_NONBLOCK);
  const first = reader();
  return { first, reader, writer: open(constants.O_WRONLY) };
}

function readAll(descriptor: number): string {
  const piece = Buffer.alloc(65_536);
  let text = '';
  for (;;) {
    try {
      const bytes = readSync(descriptor, piece);
      if (bytes === 0) return text;
      text += piece.toString('latin1', 0, bytes);
    } catch {
      return text;
    }
  }
}

it('output: a pipe that nobody reads blocks neither the event loop nor a thread, and loses nothing that was accepted', async () => {
  const { first, writer: end } = await namedPipe();
  const writer = new OutputWriter({ target: openOutput(end.descriptor), maxBytes: 200_000, gapLine });
  for (let index = 0; index < 10_000; index++) writer.write(`line ${index} ${'.'.repeat(90)}\n`);
  await until('a full pipe', () => writer.bufferedBytes < 200_000 - 60_000 && !writer.isWriting);
  // Each of the pool's threads answers: none waits for the reader.
  await Promise.all(Array.from({ length: 32 }, () => stat('/proc/self')));
  expect(await writer.flush(20)).toBe(false);
  let text = '';
  await until('the reader', async () => {
    text += readAll(first.descriptor);
    return writer.bufferedBytes === 0;
  });
  text += readAll(first.descriptor);
  const { lines, dropped } = received(text);
  expect(lines.length + dropped).toBe(10_000);
  expect(dropped).toBe(writer.dropped);
  expect(lines.every((line, index) => line.startsWith(`line ${index} `))).toBe(true);
});

it('output: leaves the mode of a pipe that other processes share as it was', async () => {
  const { writer: end } = await namedPipe();
  const flags = async () => /flags:\s+(\d+)/.exec(await readFile(`/proc/self/fdinfo/${end.descriptor}`, 'utf8'))?.[1];
  const before = await flags();
  const writer = new OutputWriter({ target: openOutput(end.descriptor), maxBytes: 1000, gapLine });
  writer.write('a line\n');
  expect(await writer.flush(10_000)).toBe(true);
  expect(await flags()).toBe(before);
});

it('output: goes on when another reader opens the named pipe that the first one closed', async () => {
  const { first, reader, writer: end } = await namedPipe();
  const writer = new OutputWriter({ target: openOutput(end.descriptor), maxBytes: 1000, gapLine });
  writer.write('one\n');
  expect(await writer.flush(10_000)).toBe(true);
  expect(readAll(first.descriptor)).toBe('one\n');
  first.close();
  writer.write('two\n');
  expect(await writer.flush(10_000)).toBe(false);
  const second = reader();
  expect(await until('the second reader', () => writer.flush(1000))).toBe(true);
  expect(readAll(second.descriptor)).toBe('two\n');
});

it('output: a full device costs lines, not the process, and does not delay its end', async () => {
  const full = openSync('/dev/full', 'w');
  onTestFinished(() => closeSync(full));
  const writer = new OutputWriter({ target: openOutput(full), maxBytes: 1000, gapLine });
  for (let index = 0; index < 1000; index++) writer.write(`line ${index}\n`);
  expect(await writer.flush(Number.POSITIVE_INFINITY)).toBe(false);
  expect(writer.bufferedBytes).toBeLessThanOrEqual(1000);
  expect(writer.dropped).toBeGreaterThan(800);
});
