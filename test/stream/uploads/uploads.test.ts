import { beforeEach, describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/parse.js';
import { startOf } from '../../../src/storage/publish/segments/window.js';
import type {
  AppendOptions,
  RenditionUploadOptions,
  StorePublisher,
  StreamOptions,
  StreamPublication,
} from '../../../src/storage/publish/types.js';
import type { StoredObject } from '../../../src/storage/store.js';
import { firstNumbers, type HlsOutput, type ListedSegment } from '../../../src/stream/hls/hls-output.js';
import { readPlaylist, StreamUploads } from '../../../src/stream/uploads/uploads.js';

const config = parseConfig({
  streams: [
    { name: 'door', source: 'test', hls: { segmentSeconds: 2, windowSegments: 4 }, thumbnail: { intervalSeconds: 6 } },
  ],
}).streams[0]!;
const START = Date.UTC(2027, 2, 3);
const image = { body: new Uint8Array([1]), contentType: 'image/jpeg' };

/** A publisher that notes what it is told. */
class NotedPublisher {
  readonly appended: AppendOptions<unknown>[] = [];
  readonly images: StoredObject[] = [];
  readonly closedWith: unknown[] = [];
  options: StreamOptions | undefined;
  rendition: RenditionUploadOptions<unknown> | undefined;
  renderMultivariant: (() => StoredObject | undefined) | undefined;
  isEnded = false;

  stream(options: StreamOptions): StreamPublication {
    this.options = options;
    return {
      name: options.name,
      rendition: (rendition: RenditionUploadOptions<never>) => {
        this.rendition = rendition as unknown as RenditionUploadOptions<unknown>;
        return {
          append: (segment: AppendOptions<unknown>) => this.appended.push(segment),
          end: () => {
            this.isEnded = true;
          },
        };
      },
      multivariant: (render: () => StoredObject | undefined) => {
        this.renderMultivariant = render;
      },
      image: (object: StoredObject) => this.images.push(object),
      close: async (options: unknown) => void this.closedWith.push(options),
    } as unknown as StreamPublication;
  }

  /** The playlist of the segments from `first` to before `end`, of which some are gaps. */
  playlist(first: number, end: number, { gaps = [] as number[], ended = false, whole = false } = {}) {
    const list = this.appended
      .slice(first, end)
      .map(({ entry, position }, index) => ({ entry, gap: gaps.includes(first + index), numbers: position! }));
    const numbers = startOf(list);
    const object = this.rendition!.render(list, { ended, whole, ...numbers, targetDurationSeconds: 0 });
    return { object, text: new TextDecoder().decode(object.body) };
  }
}

let publisher: NotedPublisher;
let multivariant: string | undefined;
let uploads: StreamUploads;
beforeEach(() => {
  publisher = new NotedPublisher();
  multivariant = undefined;
  const hls = {
    renditions: ['source'] as readonly string[],
    multivariant: () =>
      multivariant === undefined ? undefined : { body: multivariant, etag: '"x"', modifiedAt: START },
  } as HlsOutput;
  uploads = new StreamUploads({
    config,
    publisher: publisher as unknown as StorePublisher,
    cleanup: 'keep',
    hls,
    images: {
      ...{ formats: ['jpg'], sizes: [], thumbnail: () => undefined },
      offline: async () => ({
        ...image,
        etag: '"x"',
        modifiedAt: START,
        maxAgeSeconds: 6,
        capturedAt: undefined,
        state: 'offline',
      }),
    },
    now: () => START,
  });
});

function listed(
  index: number,
  more: Partial<ListedSegment['entry']> = {},
  init?: ListedSegment['init'],
): ListedSegment {
  const file = `0000000a-${index}.${init === undefined ? 'ts' : 'm4s'}`;
  return {
    rendition: 'source',
    file,
    body: new Uint8Array([index]),
    init,
    entry: { uri: file, durationSeconds: 2, programDateTime: START + index * 2000, discontinuity: false, ...more },
    mediaSequence: 100 + index,
    discontinuitySequence: 7,
    startedAt: START + index * 2000,
    completedAtMs: START + (index + 1) * 2000,
  };
}
const tagOf = (text: string, tag: string) => new RegExp(`^#EXT-X-${tag}:(.*)$`, 'm').exec(text)?.[1];

describe('StreamUploads', () => {
  it('tells the publisher what the stream is', () => {
    const { unusedNumbers, ...options } = publisher.options!;
    expect(options).toEqual({ name: 'door', windowSegments: 4, targetDurationSeconds: 2, cleanup: 'keep' });
    expect(unusedNumbers!()).toEqual(firstNumbers(START));
    expect(publisher.rendition?.name).toBe('source');
  });

  it('gives segments their keys, types and immutable caching', () => {
    uploads.segment(listed(3));
    const init = { file: '0000000a-init.mp4', body: new Uint8Array([9]) };
    uploads.segment(listed(4, {}, init));
    expect(publisher.appended[0]).toMatchObject({
      durationSeconds: 2,
      object: {
        key: 'door/source/0000000a-3.ts',
        contentType: 'video/mp2t',
        cacheControl: expect.stringContaining('immutable'),
      },
    });
    expect(publisher.appended[0]).not.toHaveProperty('init');
    expect(publisher.appended[1]).toMatchObject({
      object: { key: 'door/source/0000000a-4.m4s', contentType: 'video/mp4' },
      init: {
        key: 'door/source/0000000a-init.mp4',
        contentType: 'video/mp4',
        cacheControl: expect.stringContaining('immutable'),
      },
    });
  });

  it('writes the playlist of what is on the store with the numbers that its first segment has', () => {
    for (let index = 0; index < 6; index++) uploads.segment(listed(index));
    const { object, text } = publisher.playlist(2, 6);
    expect(object).toMatchObject({ key: 'door/source/index.m3u8', contentType: 'application/vnd.apple.mpegurl' });
    expect(object.cacheControl).not.toContain('immutable');
    expect(tagOf(text, 'MEDIA-SEQUENCE')).toBe('102');
    expect(tagOf(text, 'DISCONTINUITY-SEQUENCE')).toBe('7');
    expect(text.split('\n').filter((line) => line.endsWith('.ts'))).toEqual(
      [2, 3, 4, 5].map((n) => `0000000a-${n}.ts`),
    );
    expect(text).not.toContain('ENDLIST');
    expect(text).not.toContain('PLAYLIST-TYPE');
  });

  it('says that segments are independent only where each is, those that another node left included', () => {
    for (const index of [0, 1, 2]) uploads.segment(listed(index, { isIndependent: index !== 0 }));
    const tag = '#EXT-X-INDEPENDENT-SEGMENTS';
    expect(publisher.playlist(0, 2).text).not.toContain(tag);
    const { object, text } = publisher.playlist(1, 3);
    expect(text).toContain(tag);
    const read = (body: Uint8Array) =>
      readPlaylist('door', 'source', body)?.segments.map(({ entry }) => entry.isIndependent);
    expect(read(object.body)).toEqual([undefined, undefined]);
    expect(read(new TextEncoder().encode(text.replace(`${tag}\n`, '')))).toEqual([false, false]);
  });

  it('never lets the target duration shrink, nor be less than a listed segment', () => {
    const targets: number[] = [];
    for (const [index, durationSeconds] of [2, 2.4, 4.6, 2, 1.2, 7.2, 2].entries()) {
      uploads.segment(listed(index, { durationSeconds }));
      targets.push(Number(tagOf(publisher.playlist(index, index + 1).text, 'TARGETDURATION')));
    }
    expect(targets).toEqual([2, 2, 5, 5, 5, 7, 7]);
  });

  it('marks a gap, and the end', () => {
    for (let index = 0; index < 3; index++) uploads.segment(listed(index));
    const { text } = publisher.playlist(0, 3, { gaps: [1], ended: true });
    expect(text).toMatch(/#EXT-X-GAP\n(?:#.*\n)*0000000a-1\.ts/);
    expect(text.match(/#EXT-X-GAP/g)).toHaveLength(1);
    expect(text).toContain('#EXT-X-ENDLIST');
    expect(text).not.toContain('PLAYLIST-TYPE');
    expect(tagOf(publisher.playlist(0, 3, { ended: true, whole: true }).text, 'PLAYLIST-TYPE')).toBe('VOD');
    expect(publisher.playlist(0, 3, { whole: true }).text).not.toContain('PLAYLIST-TYPE');
  });

  it('writes the multivariant playlist as it is when its turn comes', () => {
    uploads.multivariant();
    expect(publisher.renderMultivariant!()).toBeUndefined();
    multivariant = '#EXTM3U\n';
    const object = publisher.renderMultivariant!()!;
    expect(object).toMatchObject({ key: 'door/index.m3u8', contentType: 'application/vnd.apple.mpegurl' });
    expect(new TextDecoder().decode(object.body)).toBe('#EXTM3U\n');
  });

  it('uploads pictures with their age and state, cached for less than their interval', async () => {
    uploads.pictures.take({
      ...{ type: 'thumbnail', stream: 'door', at: START, format: 'webp', size: undefined, isFirst: false },
      ...{ capturedAt: 5, date: START + 5, unchanged: false, gate: 'good', passed: undefined },
      image: { ...image, contentType: 'image/webp', etag: '"x"', width: 1, height: 1, bytes: 1, encodeSeconds: 0 },
    });
    await uploads.pictures.offline();
    expect(publisher.images).toMatchObject([
      {
        ...{ key: 'door/thumbnail.webp', contentType: 'image/webp', cacheControl: 'public, max-age=3' },
        metadata: { 'image-state': 'fresh', 'captured-at': '2027-03-03T00:00:00.005Z' },
      },
      { key: 'door/thumbnail-x.webp' },
      { key: 'door/thumbnail.jpg', metadata: { 'image-state': 'offline' } },
    ]);
    expect(publisher.images[2]!.metadata).not.toHaveProperty('captured-at');
  });

  it('ends and closes with the deadline that it is given', async () => {
    uploads.end();
    expect(publisher.isEnded).toBe(true);
    await uploads.close(1234);
    expect(publisher.closedWith).toEqual([{ deadlineMs: 1234 }]);
  });
});
