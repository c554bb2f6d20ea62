import { execFile } from 'node:child_process';
import ffmpeg from '@ffmpeg-installer/ffmpeg';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMatroskaWriter, matroskaCluster, matroskaHeader } from '../../../src/webrtc/whip/matroska.js';
import { avcRecord, newestSets } from '../../../src/webrtc/whip/parameter-sets.js';
import { runFfmpeg } from '../../support/clip.js';

const record = Uint8Array.of(1, 66, 0, 30, 0xff, 0xe1, 0, 1, 0x67, 1, 0, 1, 0x68);

/** Elements of EBML: id and content. Throws if a size is wrong. */
function elements(bytes: Uint8Array): { id: string; content: Uint8Array }[] {
  const found: { id: string; content: Uint8Array }[] = [];
  for (let at = 0; at < bytes.length; ) {
    const idBytes = Math.clz32(bytes[at]!) - 23;
    const id = Buffer.from(bytes.subarray(at, at + idBytes)).toString('hex');
    at += idBytes;
    const sizeBytes = Math.clz32(bytes[at]!) - 23;
    const isUnknown = bytes[at] === 1 && bytes.subarray(at + 1, at + 8).every((byte) => byte === 0xff);
    let size = bytes[at]! & (0xff >> sizeBytes);
    for (let index = 1; index < sizeBytes; index++) size = size * 256 + bytes[at + index]!;
    at += sizeBytes;
    const end = isUnknown ? bytes.length : at + size;
    if (end > bytes.length) throw new Error(`${id} exceeds its parent`);
    found.push({ id, content: bytes.subarray(at, end) });
    at = end;
  }
  return found;
}

const blocks = fc.record({
  kind: fc.constantFrom('audio' as const, 'video' as const),
  timeMs: fc.integer({ min: 0, max: 2 ** 40 }),
  isKeyframe: fc.boolean(),
  payload: fc.array(fc.uint8Array({ minLength: 1, maxLength: 50 }), { minLength: 1, maxLength: 3 }),
});

describe('Matroska', () => {
  it('has a header of well-formed elements', () => {
    const [ebml, segment] = elements(matroskaHeader({ record, width: 640, height: 360, hasAudio: true }));
    expect([ebml!.id, segment!.id]).toEqual(['1a45dfa3', '18538067']);
    const [info, tracks] = elements(segment!.content);
    expect([info!.id, tracks!.id]).toEqual(['1549a966', '1654ae6b']);
    expect(elements(tracks!.content).map(({ id }) => id)).toEqual(['ae', 'ae']);
  });

  it('has blocks with their time and their bytes', () => {
    fc.assert(
      fc.property(blocks, (block) => {
        const [cluster, ...rest] = elements(matroskaCluster(block));
        expect([cluster!.id, rest]).toEqual(['1f43b675', []]);
        const [time, simple] = elements(cluster!.content);
        expect(time!.content.reduce((sum, byte) => sum * 256 + byte, 0)).toBe(block.timeMs);
        const lengths = block.kind === 'video' ? 4 * block.payload.length : 0;
        const size = block.payload.reduce((sum, { length }) => sum + length, 0);
        expect(simple!.content.length).toBe(4 + lengths + size);
      }),
    );
  });

  it('starts with a keyframe at time 0, and times increase', () => {
    fc.assert(
      fc.property(fc.array(blocks, { maxLength: 30 }), (list) => {
        const writer = createMatroskaWriter();
        writer.begin({ record, width: 640, height: 360, hasAudio: true }, { flushKeyframes: false });
        const latest = new Map<number, number>();
        let isFirst = true;
        for (const block of list) {
          const bytes = writer.write(block);
          if (bytes.length === 0) {
            expect(isFirst).toBe(true);
            continue;
          }
          const [time, simple] = elements(elements(bytes)[0]!.content);
          const timeMs = time!.content.reduce((sum, byte) => sum * 256 + byte, 0);
          const track = simple!.content[0]! & 0x7f;
          if (isFirst) expect([timeMs, block.isKeyframe, block.kind]).toEqual([0, true, 'video']);
          isFirst = false;
          expect(timeMs).toBeGreaterThan(latest.get(track) ?? -1);
          latest.set(track, timeMs);
        }
      }),
    );
  });

  it('is read by ffmpeg from a pipe: each picture with its time, and the parameter sets of its header', async () => {
    const { stdout } = await runFfmpeg([
      ...['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25', '-t', '2', '-c:v', 'libx264', '-preset', 'ultrafast'],
      ...[
        '-tune',
        'zerolatency',
        '-x264-params',
        'slices=1:aud=1',
        '-pix_fmt',
        'yuv420p',
        '-g',
        '25',
        '-f',
        'h264',
        '-',
      ],
    ]);
    const pictures = picturesOf(stdout);
    expect(pictures.length).toBe(50);
    const sets = newestSets(pictures[0]!, undefined)!;
    const writer = createMatroskaWriter();
    const tracks = { record: avcRecord(sets), width: 320, height: 180, hasAudio: false };
    const bytes = [writer.begin(tracks, { flushKeyframes: false })];
    pictures.forEach((payload, index) => {
      const isKeyframe = payload.some((unit) => (unit[0]! & 0x1f) === 5);
      bytes.push(writer.write({ kind: 'video', timeMs: 1000 + index * 40, isKeyframe, payload }));
    });
    const { times, size } = await framesOf(Buffer.concat(bytes));
    expect(times).toEqual(Array.from({ length: 50 }, (_, index) => index * 40));
    expect(size).toBe('320x180');
  });
});

/** The access units of an Annex B stream with delimiters, without these. */
function picturesOf(bytes: Buffer): Uint8Array[][] {
  const units: Uint8Array[] = [];
  let start = -1;
  for (let at = 0; at + 3 <= bytes.length; at++) {
    if (bytes[at] !== 0 || bytes[at + 1] !== 0 || bytes[at + 2] !== 1) continue;
    if (start >= 0) units.push(withoutZeros(bytes.subarray(start, at)));
    start = at + 3;
  }
  units.push(withoutZeros(bytes.subarray(start)));
  const pictures: Uint8Array[][] = [];
  for (const unit of units) {
    if ((unit[0]! & 0x1f) === 9) pictures.push([]);
    else pictures.at(-1)!.push(unit);
  }
  return pictures;
}

function withoutZeros(unit: Uint8Array): Uint8Array {
  let end = unit.length;
  while (end > 0 && unit[end - 1] === 0) end--;
  return unit.slice(0, end);
}

/** The times of the frames that ffmpeg decodes, in milliseconds. */
function framesOf(media: Buffer): Promise<{ times: number[]; size: string | undefined }> {
  const args = ['-hide_banner', '-f', 'matroska', '-i', 'pipe:0', '-copyts', '-vsync', '0', '-f', 'framecrc', '-'];
  return new Promise((resolve, reject) => {
    const child = execFile(ffmpeg.path, args, (error, stdout, stderr) => {
      if (error) return reject(new Error(stderr));
      const [, numerator, denominator] = /#tb 0: (\d+)\/(\d+)/.exec(stdout) ?? [];
      const ticks = [...stdout.matchAll(/^0, +\d+, +(\d+),/gm)].map(([, pts]) => Number(pts));
      const times = ticks.map((pts) => Math.round((pts * 1000 * Number(numerator)) / Number(denominator)));
      resolve({ times, size: /Video: h264.*? (\d+x\d+)/.exec(stderr)?.[1] });
    });
    child.stdin!.end(media);
  });
}
