import { expect, vi } from 'vitest';
import type { StreamDescription } from '../../src/stream/description.js';
import type { TestNode } from './node.js';

/** Waits until a stream can be played, lists so many segments and has a fresh picture. */
export async function live(node: TestNode, name = 'cam', segments = 2): Promise<StreamDescription> {
  await vi.waitFor(
    async () => {
      const described = await node.stream(name);
      expect(described, JSON.stringify(described)).toMatchObject({ state: 'live', thumbnail: { state: 'fresh' } });
      expect(described.hls.segments, JSON.stringify(described)).toBeGreaterThanOrEqual(segments);
      expect(described.hls.resolution).not.toBeNull();
      expect(described.hls.codecs).not.toBeNull();
    },
    { timeout: 60_000, interval: 100 },
  );
  return node.stream(name);
}
