import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeAmf0 } from '../../../../src/ingest/rtmp/protocol/amf0.js';
import { concatBytes } from '../../../../src/ingest/rtmp/protocol/bytes.js';
import { createFlvWriter } from '../../../../src/ingest/rtmp/protocol/flv.js';
import { parseAudioTag, parseVideoTag } from '../../../../src/ingest/rtmp/protocol/media-tag.js';
import type { MediaEvent, MetadataEvent } from '../../../../src/ingest/rtmp/session-types.js';
import { parseFlv } from '../../../support/rtmp-flv.js';

const video = (timestamp: number, ...payload: number[]): MediaEvent => ({
  type: 'video',
  timestamp: timestamp >>> 0,
  payload: Uint8Array.from(payload.length > 0 ? payload : [0x17, 1, 0, 0, 0]),
});
const audio = (timestamp: number): MediaEvent => ({
  type: 'audio',
  timestamp: timestamp >>> 0,
  payload: Uint8Array.of(0xaf, 1, 7),
});
const metadata: MetadataEvent = {
  type: 'metadata',
  timestamp: 0,
  payload: encodeAmf0('onMetaData', new Map([['width', 640]])),
  values: new Map([['width', 640]]),
};
const avcHeader = (byte: number) => video(0, 0x17, 0, 0, 0, 0, byte);
const aacHeader: MediaEvent = { type: 'audio', timestamp: 0, payload: Uint8Array.of(0xaf, 0, 0x12, 0x10) };

function timesOf(events: readonly (MediaEvent | MetadataEvent)[]): number[] {
  const flv = createFlvWriter();
  const file = concatBytes([...flv.begin(), ...events.map((event) => flv.write(event))]);
  return parseFlv(file).map((tag) => tag.timestamp);
}

describe('FLV writer', () => {
  it('writes tags that read back, with their payloads untouched', () => {
    const event = fc.record({
      type: fc.constantFrom('audio' as const, 'video' as const),
      timestamp: fc.integer({ min: 0, max: 0xffffffff }),
      payload: fc.uint8Array({ minLength: 1, maxLength: 100 }).map((bytes) => {
        bytes[0] = 0x17;
        return bytes;
      }),
    });
    fc.assert(
      fc.property(fc.array(event), (events) => {
        const flv = createFlvWriter();
        const tags = parseFlv(concatBytes([...flv.begin(), ...events.map((item) => flv.write(item))]));
        expect(tags.map((tag) => tag.payload)).toEqual(events.map((item) => item.payload));
        for (const type of [8, 9]) {
          const times = tags.filter((tag) => tag.type === type).map((tag) => tag.timestamp);
          expect(times).toEqual([...times].sort((a, b) => a - b));
        }
      }),
    );
  });

  it('begins at 0 wherever the publisher is', () => {
    expect(timesOf([video(5_000), audio(5_011), video(5_040)])).toEqual([0, 11, 40]);
  });

  it('goes on over the wrap of 32 bits', () => {
    expect(timesOf([video(2 ** 32 - 40), audio(2 ** 32 - 20), video(0), audio(20), video(40)])).toEqual([
      0, 20, 40, 60, 80,
    ]);
  });

  it('writes times beyond 24 bits', () => {
    const events = Array.from({ length: 1200 }, (_, index) => video(index * 20_000));
    expect(timesOf(events).at(-1)).toBe(1199 * 20_000);
  });

  it('never runs backward within a track, and keeps a little disorder between tracks', () => {
    expect(timesOf([video(100), audio(90), video(140), video(120), audio(130)])).toEqual([0, 0, 40, 40, 30]);
  });

  it('continues when the encoder starts again from 0, and keeps the tracks together', () => {
    const before = [video(600_000), audio(600_010), video(600_040), audio(600_050)];
    const after = [video(0), audio(10), video(40), audio(50)];
    expect(timesOf([...before, ...after])).toEqual([0, 10, 40, 50, 50, 60, 90, 100]);
  });

  it('continues after an absurd jump forward, and believes a pause', () => {
    expect(timesOf([video(0), video(40), video(90_000_000), video(90_000_040)])).toEqual([0, 40, 40, 80]);
    expect(timesOf([video(0), video(20_000), video(20_040)])).toEqual([0, 20_000, 20_040]);
  });

  it('takes tracks whose clocks have nothing in common', () => {
    const events = [0, 1, 2, 3].flatMap((n) => [video(n * 40), audio(3_000_000 + n * 40)]);
    expect(timesOf(events)).toEqual([0, 0, 40, 40, 80, 80, 120, 120]);
  });

  it('is not moved by sequence headers in mid-stream', () => {
    expect(timesOf([video(70_000), avcHeader(1), video(70_040)])).toEqual([0, 0, 40]);
  });

  it('writes metadata at the head only, once', () => {
    const flv = createFlvWriter();
    const events = [metadata, metadata, video(0), metadata];
    const tags = parseFlv(concatBytes([...flv.begin(), ...events.map((event) => flv.write(event))]));
    expect(tags.map((tag) => tag.type)).toEqual([18, 9]);
    expect(parseFlv(concatBytes([...flv.begin(), flv.write(metadata)])).map((tag) => tag.type)).toEqual([18]);
  });

  it('gives a later reader metadata, the newest sequence headers and a keyframe first', () => {
    const flv = createFlvWriter();
    flv.begin();
    for (const event of [metadata, avcHeader(1), aacHeader, video(1000), avcHeader(2)]) flv.write(event);
    flv.remember(avcHeader(3));
    flv.remember(video(2000));
    const parts = [...flv.begin()];
    for (const event of [video(3000, 0x27, 1), audio(3010), video(3040), video(3080, 0x27, 1)]) {
      parts.push(flv.write(event));
    }
    const tags = parseFlv(concatBytes(parts)).map((tag) => [tag.type, tag.timestamp, tag.payload.at(-1)]);
    expect(tags).toEqual([
      [18, 0, 9],
      [9, 0, 3],
      [8, 0, 0x10],
      [8, 0, 7],
      [9, 30, 0],
      [9, 70, 1],
    ]);
    expect(flv.codecs).toEqual({ video: 'h264', audio: 'aac' });
  });
});

describe('media tags', () => {
  it.each([
    [[0x17, 0], { codec: 'h264', isSequenceHeader: true, isKeyframe: true }],
    [[0x27, 1], { codec: 'h264', isSequenceHeader: false, isKeyframe: false }],
    [[0x90, 0x68, 0x76, 0x63, 0x31], { codec: 'hvc1', isSequenceHeader: true, isKeyframe: true }],
    [[0xa1, 0x61, 0x76, 0x30, 0x31], { codec: 'av01', isSequenceHeader: false, isKeyframe: false }],
    [[0x91, 0, 1], { codec: undefined, isSequenceHeader: false, isKeyframe: true }],
    [[0x12], { codec: 'flv1', isSequenceHeader: false, isKeyframe: true }],
  ])('reads video %j', (bytes, tag) => {
    expect(parseVideoTag(Uint8Array.from(bytes))).toEqual(tag);
  });

  it.each([
    [[0xaf, 0], { codec: 'aac', isSequenceHeader: true, isKeyframe: true }],
    [[0xaf, 1], { codec: 'aac', isSequenceHeader: false, isKeyframe: true }],
    [[0x2f], { codec: 'mp3', isSequenceHeader: false, isKeyframe: true }],
    [[0x90, 0x4f, 0x70, 0x75, 0x73], { codec: 'Opus', isSequenceHeader: true, isKeyframe: true }],
  ])('reads audio %j', (bytes, tag) => {
    expect(parseAudioTag(Uint8Array.from(bytes))).toEqual(tag);
  });
});
