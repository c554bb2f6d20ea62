import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseConfig } from '../../src/config/parse.js';
import { readSource } from '../../src/ingest/source.js';

const text = readFileSync(new URL('../../docs/sources.md', import.meta.url), 'utf8');
const examples = [...text.matchAll(/```yaml\n(.*?)```/gs)].map((match) => match[1]!);

describe('docs/sources.md', () => {
  it.each(examples.map((example, index) => [index, example] as const))(
    'shows what can be used: example %i',
    (_, example) => {
      const { streams } = parseConfig(parse(example));
      for (const { source, input } of streams) {
        expect(readSource(source, (path) => path, input.format).kind).not.toBe('unknown');
      }
    },
  );

  it('shows every kind of source', () => {
    const kinds = examples
      .flatMap((example) => parseConfig(parse(example)).streams)
      .map(({ source, input }) => readSource(source, (path) => path, input.format).kind);
    expect(new Set(kinds)).toEqual(
      new Set(['push', 'rtsp', 'srt', 'hls', 'http', 'rtmp', 'mjpeg', 'device', 'directory']),
    );
  });
});
