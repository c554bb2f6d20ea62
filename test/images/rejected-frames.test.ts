import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { RejectedFrames } from '../../src/images/rejected-frames.js';

function picture(width: number, height: number, red: number, capturedAt = 0) {
  const data = new Uint8Array(width * height * 3);
  for (let at = 0; at < data.length; at += 3) data[at] = red;
  return { data, width, height, capturedAt, sequence: 0 };
}

describe('rejected frames', () => {
  it('are kept small, the newest first, at most six', async () => {
    const frames = new RejectedFrames();
    for (let number = 1; number <= 8; number += 1) {
      frames.offer(picture(1280, 720, 200, number), 'black');
      await frames.idle();
    }
    expect(frames.list().map(({ capturedAt }) => capturedAt)).toEqual([8, 7, 6, 5, 4, 3]);
    const [newest] = frames.list();
    expect(newest).toMatchObject({ verdict: 'black', image: { width: 320, height: 180, contentType: 'image/jpeg' } });
    expect(newest!.image.bytes).toBeLessThan(20_000);
  });

  it('show the frame as it was when it came: its buffer is used again at once', async () => {
    const frames = new RejectedFrames();
    const frame = picture(641, 361, 200);
    frames.offer(frame, 'flat');
    frame.data.fill(0);
    await frames.idle();
    const { dominant } = await sharp(frames.list()[0]!.image.body).stats();
    expect(dominant.r).toBeGreaterThan(180);
  });

  it('go by while one is encoded, and no frame is too odd', async () => {
    const frames = new RejectedFrames();
    frames.offer(picture(64, 36, 1, 1), 'flat');
    frames.offer(picture(64, 36, 1, 2), 'flat');
    await frames.idle();
    expect(frames.list().map(({ capturedAt }) => capturedAt)).toEqual([1]);
    frames.offer({ ...picture(0, 0, 1, 3) }, 'flat');
    await frames.idle();
    frames.offer(picture(2000, 1, 1, 4), 'flat');
    await frames.idle();
    expect(frames.list().map(({ capturedAt }) => capturedAt)).toEqual([4, 1]);
  });
});
