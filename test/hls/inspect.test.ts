import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { inspectMedia, type MediaToInspect } from '../../src/hls/inspect.js';
import { trackSignature } from '../../src/hls/track-signature.js';
import type { Container } from '../../src/hls/window.js';
import { type ClipOptions, segmentsOf as cut, makeClip, runFfmpeg } from './clips.js';

/** The segments that ffmpeg makes of a clip. */
async function segmentsOf(clip: ClipOptions, container: Container): Promise<MediaToInspect[]> {
  const segments = await cut(await makeClip(clip), container, clip.audioCodec?.replace('libmp3lame', 'mp3'));
  return segments.map(({ body, init }) => ({ container, segment: body, ...(init === undefined ? {} : { init }) }));
}

describe.each<Container>(['mpegts', 'fmp4'])('inspectMedia and trackSignature on %s', (container) => {
  let segments: MediaToInspect[];
  beforeAll(async () => {
    segments = await segmentsOf({ seconds: 5 }, container);
  });

  it('reads any single segment', async () => {
    const all = await Promise.all(segments.map(inspectMedia));
    expect(all).toHaveLength(3);
    for (const [index, description] of all.entries()) {
      expect(description).toEqual({
        codecs: 'avc1.42c00c,mp4a.40.2',
        hasVideo: true,
        hasAudio: true,
        width: 320,
        height: 180,
        frameRate: 25,
        startSeconds: expect.closeTo(1 + index * 2 + 0.023, 2),
      });
    }
  });

  it('knows sound alone and picture alone', async () => {
    const [silent] = await segmentsOf({ seconds: 2, audio: false }, container);
    expect(await inspectMedia(silent!)).toMatchObject({ codecs: 'avc1.42c00c', hasAudio: false, hasVideo: true });
    expect(trackSignature(silent!)).not.toBe(trackSignature(segments[0]!));
  });

  it('gives cropped and displayed sizes', async () => {
    // 362 lines are coded as 368; samples of 16:11 make 640 columns 931 wide.
    const [odd] = await segmentsOf({ seconds: 1, size: '640x362' }, container);
    expect(await inspectMedia(odd!)).toMatchObject({ width: 640, height: 362 });
    const [wide] = await segmentsOf({ seconds: 1, size: '640x362', video: ['-vf', 'setsar=16/11'] }, container);
    expect(await inspectMedia(wide!)).toMatchObject({ width: 931, height: 362, sar: expect.closeTo(16 / 11, 2) });
  });

  it('gives an interlaced picture its whole height', async () => {
    const interlaced = ['-vf', 'setfield=tff', '-flags', '+ildct+ilme', '-x264-params', 'tff=1'];
    const [segment] = await segmentsOf({ seconds: 1, size: '320x192', video: interlaced }, container);
    expect(await inspectMedia(segment!)).toMatchObject({ width: 320, height: 192 });
  });

  it('reads HEVC and MP3', async () => {
    const hevc = ['-c:v', 'libx265', '-x265-params', 'keyint=25:log-level=none'];
    const [segment] = await segmentsOf(
      { seconds: 1, size: '320x180', video: hevc, audioCodec: 'libmp3lame' },
      container,
    );
    const { codecs, ...rest } = await inspectMedia(segment!);
    expect(codecs).toMatch(/^(hev1|hvc1)\.1\.6\.L\d+\.[\dA-F]+(\.[\dA-F]+)*,mp4a\.40\.34$/);
    expect(rest).toMatchObject({ width: 320, height: 180, frameRate: 25 });
  });

  it('has one signature for a rendition and another for another resolution', async () => {
    const signatures = segments.map(trackSignature);
    expect(new Set(signatures).size).toBe(1);
    const [other] = await segmentsOf({ seconds: 1, size: '320x176' }, container);
    expect(trackSignature(other!)).not.toBe(signatures[0]);
  });

  it('says what is wrong with what is no media', async () => {
    const media = { ...segments[0]!, segment: new Uint8Array(188 * 20).fill(3) };
    const wrong = inspectMedia(container === 'fmp4' ? { ...media, init: new Uint8Array(100).fill(3) } : media);
    await expect(wrong).rejects.toMatchObject({ code: 'source-not-media', fault: 'source' });
  });

  it('signs anything without throwing', () => {
    const { segment, init } = segments[0]!;
    const bytes = fc.tuple(fc.nat(2000), fc.uint8Array({ maxLength: 60 }), fc.nat(2000)).map(([length, noise, at]) => {
      const damaged = segment.slice(0, length);
      damaged.set(noise.subarray(0, Math.max(0, length - at)), Math.min(at, length));
      return damaged;
    });
    fc.assert(
      fc.property(bytes, (damaged) => {
        expect(typeof trackSignature({ container, segment: damaged, ...(init && { init }) })).toBe('string');
      }),
    );
  });
});

describe('inspectMedia', () => {
  it('reads Opus in fMP4', async () => {
    const sound = ['-f', 'lavfi', '-i', 'sine=frequency=440', '-t', '1', '-c:a', 'libopus', '-strict', '-2'];
    const flags = ['-f', 'mp4', '-movflags', 'empty_moov+frag_keyframe+default_base_moof', 'pipe:1'];
    const { output } = await runFfmpeg([...sound, ...flags]);
    const cut = output.indexOf('moof') - 4;
    const media = { container: 'fmp4', init: output.subarray(0, cut), segment: output.subarray(cut) } as const;
    expect(await inspectMedia(media)).toMatchObject({ codecs: 'opus', hasVideo: false, hasAudio: true, frameRate: 0 });
  });
});

describe('trackSignature', () => {
  it('notices new parameter sets in the middle of an fMP4 session, whose initialization segment stays', async () => {
    const [before] = await segmentsOf({ ...camera, size: '320x180' }, 'fmp4');
    const [after] = await segmentsOf({ ...camera, size: '320x176' }, 'fmp4');
    const inSession = { ...after!, init: before!.init! };
    expect(trackSignature(inSession)).not.toBe(trackSignature(before!));
  });
});

/** Parameter sets with each keyframe, and only there. */
const camera: ClipOptions = { seconds: 1, audio: false, format: 'mpegts' };
