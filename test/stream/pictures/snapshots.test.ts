import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { SnapshotIntake, sizeOf } from '../../../src/stream/pictures/snapshot-intake.js';
import { SnapshotPlaces } from '../../../src/stream/pictures/snapshot-places.js';
import { Snapshots } from '../../../src/stream/pictures/snapshots.js';

const picture = { data: new Uint8Array(8 * 4 * 3).fill(99), width: 8, height: 4, ptsSeconds: 1 };
const options = { format: 'png', quality: 80 } as const;

function make(places = new SnapshotPlaces(), timeoutMs = 5000) {
  const snapshots = new Snapshots({ places, timeoutMs });
  let requested = 0;
  const source = {
    request: () => {
      requested += 1;
    },
  };
  return { snapshots, source, requested: () => requested };
}

describe('Snapshots', () => {
  it('asks its source, and gives everyone who waits the same picture', async () => {
    const { snapshots, source, requested } = make();
    snapshots.from(source);
    expect(snapshots.isWanted).toBe(false);
    const taken = [snapshots.take(options), snapshots.take({ ...options, format: 'jpg' })];
    expect(requested()).toBe(2);
    expect(snapshots.isWanted).toBe(true);
    snapshots.offer(picture, 1234);
    expect(snapshots.isWanted).toBe(false);
    const [png, jpg] = await Promise.all(taken);
    expect(png).toMatchObject({ contentType: 'image/png', width: 8, height: 4, capturedAt: 1234 });
    expect(jpg).toMatchObject({ contentType: 'image/jpeg', capturedAt: 1234 });
    expect((await sharp(png?.body).metadata()).width).toBe(8);
  });

  it('goes on waiting over a restart of ffmpeg', async () => {
    const { snapshots, source, requested } = make();
    const taken = snapshots.take(options);
    expect(requested()).toBe(0);
    snapshots.from(source);
    expect(requested()).toBe(1);
    snapshots.from(undefined);
    snapshots.from(source);
    expect(requested()).toBe(2);
    snapshots.offer(picture, 1);
    expect((await taken).capturedAt).toBe(1);
  });

  it('gives up when none comes, when it is told so and when nobody waits any more', async () => {
    const { snapshots } = make(undefined, 20);
    await expect(snapshots.take(options)).rejects.toMatchObject({ code: 'source-unavailable', retryable: true });
    const gone = new AbortController();
    const taken = snapshots.take({ ...options, signal: gone.signal });
    gone.abort();
    await expect(taken).rejects.toMatchObject({ code: 'aborted' });
    await expect(snapshots.take({ ...options, signal: gone.signal })).rejects.toMatchObject({ code: 'aborted' });
    expect(snapshots.isWanted).toBe(false);
  });

  it('lets so many wait and no more, in a stream and in a node', async () => {
    const places = new SnapshotPlaces();
    const { snapshots } = make(places);
    const taken = Array.from({ length: 8 }, () => snapshots.take(options));
    await expect(snapshots.take(options)).rejects.toMatchObject({ code: 'limit-reached' });
    const others = Array.from({ length: 3 }, () => make(places).snapshots);
    const theirs = others.map((each) => each.take(options));
    const fifth = make(places).snapshots;
    await expect(fifth.take(options)).rejects.toMatchObject({ code: 'limit-reached' });
    for (const each of [snapshots, ...others]) each.offer(picture, 1);
    await Promise.all([...taken, ...theirs]);
    const next = fifth.take(options);
    fifth.offer(picture, 2);
    expect((await next).capturedAt).toBe(2);
  });
});

describe('SnapshotIntake', () => {
  it('opens the valve while a picture is wanted, and tells of bytes that are no pictures', () => {
    const written: string[] = [];
    const failed: string[] = [];
    const intake = new SnapshotIntake({
      write: (text) => void written.push(text),
      isWanted: () => true,
      onPicture: () => {},
      onFailed: ({ message }) => void failed.push(message),
    });
    intake.request();
    intake.request();
    expect(written).toEqual(['cframestep@snapshot -1 enable 0\n']);
    intake.push(new Uint8Array(100));
    intake.push(new Uint8Array(100));
    expect(failed).toHaveLength(1);
    intake.request();
    expect(failed).toHaveLength(2);
    intake.close();
  });
});

describe('sizeOf', () => {
  it('takes the announced size, and any other of its shape', () => {
    expect(sizeOf(1920 * 1080 * 3, { width: 1920, height: 1080 })).toEqual({ width: 1920, height: 1080 });
    expect(sizeOf(1280 * 720 * 3, { width: 1920, height: 1080 })).toEqual({ width: 1280, height: 720 });
    expect(sizeOf(640 * 480 * 3, { width: 1920, height: 1080 })).toBeUndefined();
    expect(sizeOf(1000, { width: 1920, height: 1080 })).toBeUndefined();
  });

  it('never makes up a size that the bytes do not fill', () => {
    const side = fc.integer({ min: 1, max: 4000 });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 50_000_000 }), side, side, (bytes, width, height) => {
        const size = sizeOf(bytes, { width, height });
        if (size !== undefined) expect(size.width * size.height * 3).toBe(bytes);
      }),
    );
  });
});
