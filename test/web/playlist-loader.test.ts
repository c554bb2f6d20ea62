import type { HlsConfig } from 'hls.js';
import { expect, it } from 'vitest';
import { renumbered, withSmallDiscontinuities } from '../../src/web/client/playlist-loader.js';

it('changes the discontinuity sequence number and nothing else', () => {
  const text =
    '#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:112568152\n#EXT-X-DISCONTINUITY-SEQUENCE:112568140\n#EXT-X-DISCONTINUITY\n';
  expect(renumbered(text, (number) => number - 112_568_000)).toBe(text.replace('112568140', '140'));
  expect(renumbered('#EXTM3U\n', () => 1)).toBe('#EXTM3U\n');
});

it('makes the numbers of one player small, and keeps the distances between them', () => {
  let answer = '';
  class Fake {
    load(_context: unknown, _config: unknown, callbacks: { onSuccess(response: { data: string }): void }): void {
      callbacks.onSuccess({ data: answer });
    }
  }
  const Loader = withSmallDiscontinuities(Fake as unknown as HlsConfig['loader']);
  const loader = new Loader({} as HlsConfig) as unknown as Fake;
  const seen = [5_000_000, 5_000_003, 4_999_990].map((number) => {
    answer = `#EXT-X-DISCONTINUITY-SEQUENCE:${number}`;
    let given = '';
    loader.load({}, {}, { onSuccess: ({ data }) => (given = data) });
    return Number(given.split(':')[1]);
  });
  expect(seen).toEqual([1000, 1003, 990]);
});
