import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CutPart } from '../../../src/hls/cut/cutter.js';
import { Fmp4Cutter } from '../../../src/hls/cut/fmp4-cutter.js';
import { MpegTsCutter } from '../../../src/hls/cut/mpegts-cutter.js';
import { insertIntoPacket } from '../../../src/hls/cut/mpegts-insert.js';
import { delimiterBytes, inByteStream, ParameterSets, UnitHead } from '../../../src/hls/cut/mpegts-unit-head.js';
import { Segmenter } from '../../../src/hls/segmenter.js';
import { makeClip, runFfmpeg, temporaryFolder } from '../../support/clip.js';
import { joinParts } from '../../support/cut-media.js';

const folder = await temporaryFolder();
const options = { partSeconds: 0.2, segmentSeconds: 2, maxSegmentSeconds: 30 };
const PACKET_BYTES = 188;

const outputs = {
  fmp4: [...['-f', 'mp4', '-movflags', 'empty_moov+default_base_moof+delay_moov'], ...['-frag_duration', '50000']],
  mpegts: ['-f', 'mpegts'],
} as const;

/** Twelve seconds with a keyframe every two. */
async function encode(name: string, parameters: string): Promise<string> {
  const path = join(folder, name);
  const encoder = ['-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p', '-x264-params', parameters];
  await runFfmpeg(['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25', '-t', '12', ...encoder, '-y', path]);
  return path;
}

async function cut(path: string, container: keyof typeof outputs): Promise<CutPart[]> {
  const { stdout } = await runFfmpeg(['-i', path, '-c', 'copy', ...outputs[container], 'pipe:1']);
  const cutter = container === 'fmp4' ? new Fmp4Cutter(options) : new MpegTsCutter(options);
  return [...cutter.push(stdout), ...cutter.end()];
}

/** The pictures that a decoder gives which starts with a segment, and what it says. */
async function decode(segment: Uint8Array, extension: string): Promise<{ pictures: number; words: string }> {
  const path = join(folder, `segment.${extension}`);
  await writeFile(path, segment);
  const report = ['-an', '-f', 'framecrc', 'pipe:1'];
  // Rejects where there is no picture size to decode with.
  const { stdout, stderr } = await runFfmpeg(['-i', path, ...report]).catch((error: { stderr: Buffer }) => ({
    stdout: Buffer.alloc(0),
    stderr: String(error.stderr),
  }));
  const pictures = stdout
    .toString()
    .split('\n')
    .filter((line) => /^\d/.test(line)).length;
  return {
    pictures,
    words: stderr.replace(/^.*(?:co located POCs|mmco|reference picture missing|Last message repeated).*\n/gm, ''),
  };
}

describe.each(['fmp4', 'mpegts'] as const)('a viewer who starts with any segment of %s', (container) => {
  it.each([
    // Later keyframes are no IDR pictures, so ffmpeg puts no parameter sets in front of them.
    ['an open GOP', 'open-gop.flv', 'open-gop=1:keyint=50:min-keyint=50:scenecut=0:bframes=3', 'all'],
    ['an open GOP in MP4', 'open-gop.mp4', 'open-gop=1:keyint=50:min-keyint=50:scenecut=0:bframes=3', 'all'],
    ['intra refresh', 'intra-refresh.ts', 'intra-refresh=1:keyint=50:bframes=0', 'some'],
    ['closed GOPs', 'closed.flv', 'keyint=50:min-keyint=50:scenecut=0:bframes=3', 'all'],
  ] as const)('sees %s', async (_, name, parameters, expected) => {
    const parts = await cut(await encode(name, parameters), container);
    const segmenter = new Segmenter({ maxSegmentBytes: 64 * 1024 ** 2 });
    const segments = joinParts(parts.map((part) => segmenter.add(part, 0)));
    expect(segments.length).toBeGreaterThan(2);
    for (const { body, init, durationSeconds } of segments) {
      const { pictures, words } = await decode(Buffer.concat([init ?? Buffer.alloc(0), body]), container);
      expect(words).toBe('');
      // The distance of decoding times from one keyframe to the next is a frame off where pictures are reordered across it.
      if (expected === 'all') expect(Math.abs(pictures - durationSeconds * 25)).toBeLessThan(1.5);
      else expect(pictures).toBeGreaterThan(0);
    }
    // Only where that is so does a playlist say it.
    const starts = parts.filter(({ startsSegment }) => startsSegment).map(({ isIndependent }) => isIndependent);
    expect(starts).toEqual(starts.map((_start, index) => name === 'closed.flv' || index === 0));
  });
});

it('adds parameter sets without a break in the continuity counters, and to no picture that has them', async () => {
  const path = await encode('counters.flv', 'open-gop=1:keyint=50:min-keyint=50:scenecut=0:bframes=3');
  const media = Buffer.concat((await cut(path, 'mpegts')).map(({ bytes }) => bytes));
  const last = new Map<number, number>();
  for (let offset = 0; offset < media.length; offset += PACKET_BYTES) {
    const pid = media.readUInt16BE(offset + 1) & 0x1fff;
    const counter = media[offset + 3]! & 0x0f;
    expect(media[offset]).toBe(0x47);
    if ((media[offset + 3]! & 0x10) === 0) continue;
    expect(counter).toBe(((last.get(pid) ?? counter - 1) + 1) & 0x0f);
    last.set(pid, counter);
  }
  const closed = await makeClip({ path: join(folder, 'plain.flv'), seconds: 6, size: '160x90' });
  const before = (await runFfmpeg(['-i', closed, '-c', 'copy', ...outputs.mpegts, 'pipe:1'])).stdout;
  const sps = (bytes: Buffer) => bytes.toString('latin1').split('\x00\x00\x01\x67').length - 1;
  expect(sps(Buffer.concat((await cut(closed, 'mpegts')).map(({ bytes }) => bytes)))).toBe(sps(before));
});

it('puts the same parameter sets into the initialization segment of each run, whatever bit rates ffmpeg measures', async () => {
  const path = await makeClip({ path: join(folder, 'rates.ts'), seconds: 8, size: '160x90' });
  const bytes = await readFile(path);
  const runs = await Promise.all(
    [[], ['-ss', '3.1']].map((seek) =>
      runFfmpeg([...seek, '-i', path, '-c', 'copy', '-bsf:a', 'aac_adtstoasc', ...outputs.fmp4, 'pipe:1']),
    ),
  );
  const inits = runs.map(({ stdout }) => new Fmp4Cutter(options).push(stdout)[0]!.init!);
  expect(bytes.length).toBeGreaterThan(0);
  expect(Buffer.from(inits[1]!).equals(inits[0]!)).toBe(true);
});

/** A packet of a PID that starts a PES packet, with an adaptation field of so many bytes. */
function packetOf(adaptationBytes: number, counter: number): Uint8Array {
  const packet = Uint8Array.from({ length: PACKET_BYTES }, (_, index) => index);
  packet.set([0x47, 0x41, 0x00, (adaptationBytes > 0 ? 0x30 : 0x10) | counter]);
  if (adaptationBytes > 0) packet[4] = adaptationBytes - 1;
  return packet;
}

function payload(packet: Uint8Array): Uint8Array {
  return packet.subarray((packet[3]! & 0x20) === 0 ? 4 : 5 + packet[4]!);
}

it('inserts bytes of any length anywhere in a packet', () => {
  fc.assert(
    fc.property(
      fc.nat(100),
      fc.nat(15),
      fc.uint8Array({ minLength: 1, maxLength: 1000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (adaptation, counter, bytes, place) => {
        const packet = packetOf(adaptation, counter);
        const start = PACKET_BYTES - payload(packet).length;
        const offset = start + Math.floor(place * (PACKET_BYTES - start));
        const result = insertIntoPacket(packet, offset, bytes);
        const packets = Array.from({ length: result.length / PACKET_BYTES }, (_, index) =>
          result.subarray(index * PACKET_BYTES, (index + 1) * PACKET_BYTES),
        );
        expect(Buffer.concat(packets.map(payload))).toEqual(
          Buffer.concat([packet.subarray(start, offset), bytes, packet.subarray(offset)]),
        );
        expect(packets.map((each) => each[3]! & 0x0f)).toEqual(packets.map((_, index) => (counter + index) & 0x0f));
        expect(packets.map((each) => each[1]! & 0x40)).toEqual(packets.map((_, index) => (index === 0 ? 0x40 : 0)));
      },
    ),
  );
});

describe('the start of an access unit', () => {
  const units = {
    avc: [
      [0x09, 0xf0],
      [0x67, 1, 2],
      [0x68, 3],
      [0x65, 9],
    ],
    hevc: [
      [0x46, 1, 0x50],
      [0x40, 1],
      [0x42, 1],
      [0x44, 1],
      [0x2a, 1],
    ],
  };
  const streamOf = (list: readonly (readonly number[])[]) =>
    Uint8Array.from(list.flatMap((unit) => [0, 0, 0, 1, ...unit]));

  it.each(['avc', 'hevc'] as const)('is read whatever the pieces: %s', (codec) => {
    const bytes = streamOf(units[codec]);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), (pieceBytes) => {
        const head = new UnitHead(codec);
        for (let again = 0; again < 2; again += 1) {
          head.begin();
          const found = [];
          for (let offset = 0; offset < bytes.length; offset += pieceBytes) {
            found.push(...[head.push(bytes.subarray(offset, offset + pieceBytes)) ?? []].flat());
          }
          expect(found).toHaveLength(1);
          expect(found[0]!.isIndependent).toBe(codec === 'avc');
          expect(found[0]!.parameterSets.map((set) => [...set])).toEqual(units[codec].slice(1, -1));
        }
      }),
    );
    expect(delimiterBytes(bytes, codec)).toBe(4 + units[codec][0]!.length);
    expect(delimiterBytes(bytes.subarray(4 + units[codec][0]!.length), codec)).toBe(0);
  });

  it('is given up where no slice comes', () => {
    const head = new UnitHead('avc');
    head.begin();
    for (let count = 0; count < 1000; count += 1) expect(head.push(new Uint8Array(184))).toBeUndefined();
    expect(head.push(streamOf(units.avc))).toBeUndefined();
    head.begin();
    expect(head.push(streamOf(units.avc))).toBeDefined();
  });

  it.each(['avc', 'hevc'] as const)('is completed by the newest parameter sets: %s', (codec) => {
    const sets = new ParameterSets(codec);
    const start = (list: readonly (readonly number[])[]) => ({
      isIndependent: false,
      parameterSets: list.map((unit) => Uint8Array.from(unit)),
    });
    const known = units[codec].slice(1, -1);
    const told = (list: readonly Uint8Array[]) => list.map((set) => [...set]);
    // Nothing is known yet.
    expect(sets.missing(start([]))).toEqual([]);
    expect(sets.missing(start(known))).toEqual([]);
    expect(told(sets.missing(start([])))).toEqual(known);
    const other = [...known.at(-1)!, 7];
    expect(told(sets.missing(start([other])))).toEqual([...known, other]);
    const all = known.map((unit) => [...unit, 8]);
    expect(sets.missing(start(all))).toEqual([]);
    expect(told(sets.missing(start([])))).toEqual(all);
    expect([...inByteStream(sets.missing(start([])))]).toEqual([...streamOf(all)]);
  });
});
