import { describe, expect, it } from 'vitest';
import { findFfmpeg } from '../../src/ffmpeg/locate.js';
import { embedded } from '../support/ffmpeg.js';

describe('findFfmpeg', () => {
  it('takes the one that is named, whatever it is, and else the embedded one', async () => {
    expect(await findFfmpeg('/opt/ffmpeg')).toBe('/opt/ffmpeg');
    expect(await findFfmpeg(undefined)).toBe(embedded.path);
  });
});
