import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/parse.js';
import { planStream } from '../../../src/stream/outputs/plan.js';
import { embedded } from '../../support/ffmpeg.js';

describe('planStream', () => {
  it.each([
    [{ width: 640 }, false],
    [{ width: 641 }, true],
    [{}, true],
    [{ width: 640, deblock: 'always' }, true],
    [{ width: 1280, deblock: 'never' }, false],
  ])('smooths the block edges of %o: %s', (thumbnail, deblock) => {
    const [config] = parseConfig({ streams: [{ name: 'a', source: 'http://camera.example/a.ts', thumbnail }] }).streams;
    const plan = planStream({
      config: config!,
      source: { kind: 'http', url: 'http://camera.example/a.ts' },
      capabilities: { options: embedded.options, protocols: new Set(['http']) },
      makesMedia: true,
    });
    expect(plan.frames.deblock).toBe(deblock);
  });
});
