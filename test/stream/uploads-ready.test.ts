import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse.js';
import { SidepipeError } from '../../src/errors.js';
import type { PublicationStatus, StorePublisher, StreamOptions } from '../../src/storage/publish/types.js';
import type { HlsOutput } from '../../src/stream/hls/hls-output.js';
import { StreamUploads } from '../../src/stream/uploads/uploads.js';

/** Uploads of a stream whose publication is as told. */
function uploadsOf(status: Partial<PublicationStatus>, hls: { segmentSeconds: number; windowSegments?: number }) {
  const config = parseConfig({ streams: [{ name: 'door', source: 'test', hls }] }).streams[0]!;
  let options: StreamOptions | undefined;
  const publisher = {
    stream: (given: StreamOptions) => {
      options = given;
      return { rendition: () => ({}), status: () => ({ lastError: null, playlistLagSeconds: null, ...status }) };
    },
  } as unknown as StorePublisher;
  const uploads = new StreamUploads({
    config,
    publisher,
    cleanup: 'delete',
    hls: { renditions: ['source'] as readonly string[] } as HlsOutput,
    images: { formats: [], sizes: [], thumbnail: () => undefined, offline: async () => undefined },
    now: () => 0,
  });
  return { uploads, options };
}

const error = new SidepipeError('it is down', { code: 'storage-unavailable', fault: 'storage' });

describe('what keeps a stream from being ready on the store', () => {
  it.each([
    [{ state: 'publishing' }, undefined],
    [{ state: 'publishing', playlistLagSeconds: 8 }, undefined],
    [{ state: 'publishing', playlistLagSeconds: 8.1 }, { reason: 'the playlist on the store is 8 s behind' }],
    [
      { state: 'publishing', playlistLagSeconds: 60, lastError: error },
      { reason: 'the playlist on the store is 60 s behind', detail: 'it is down' },
    ],
    [{ state: 'idle' }, { reason: 'nothing published to the store yet' }],
    [{ state: 'waiting' }, { reason: 'no response from the store yet' }],
    [
      { state: 'waiting', lastError: error },
      { reason: 'no response from the store yet', detail: 'it is down' },
    ],
    [{ state: 'standby' }, { reason: 'another node publishes this stream to the store' }],
    [{ state: 'ended' }, undefined],
  ] as const)('%j: %s', (status, reason) => {
    expect(uploadsOf(status, { segmentSeconds: 2 }).uploads.notReady()).toEqual(reason);
  });
});

describe('the window on the store', () => {
  it.each([
    [{ segmentSeconds: 2, windowSegments: 6 }, 6],
    [{ segmentSeconds: 2, windowSegments: 3 }, 4],
    [{ segmentSeconds: 0.5, windowSegments: 3 }, 7],
    [{ segmentSeconds: 1.4, windowSegments: 3 }, 4],
    [{ segmentSeconds: 1.6, windowSegments: 3 }, 5],
    [{ segmentSeconds: 30, windowSegments: 10 }, 10],
  ])('lasts three target durations with %j: %s segments', (hls, segments) => {
    expect(uploadsOf({}, hls).options?.windowSegments).toBe(segments);
  });
});
