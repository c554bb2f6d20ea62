/** The content of the first bytes of an audio or video tag (FLV 10.1, Enhanced RTMP 2). */
export interface MediaTag {
  /** `h264`, `aac`, … or the FourCC of Enhanced RTMP; undefined if unknown. */
  readonly codec: string | undefined;
  /** The decoder configuration, which every new reader needs first. */
  readonly isSequenceHeader: boolean;
  /** Always true for audio. */
  readonly isKeyframe: boolean;
}

const videoCodecs: Readonly<Record<number, string>> = {
  2: 'flv1',
  3: 'flashsv',
  4: 'vp6',
  5: 'vp6a',
  7: 'h264',
  12: 'hevc',
};
const audioCodecs: Readonly<Record<number, string>> = {
  0: 'pcm',
  1: 'adpcm',
  2: 'mp3',
  3: 'pcm',
  6: 'nellymoser',
  7: 'pcm_alaw',
  8: 'pcm_mulaw',
  10: 'aac',
  11: 'speex',
  14: 'mp3',
};
/** Video packet types 4 and 6: metadata, and multitrack. */
const multitrack = 6;

export function parseVideoTag(payload: Uint8Array): MediaTag {
  const first = payload[0] ?? 0;
  const frameType = (first >> 4) & 7;
  // 1 keyframe, 4 generated keyframe
  const isKeyframe = frameType === 1 || frameType === 4;
  if (first >= 0x80) {
    const packetType = first & 0x0f;
    const isSequenceHeader = packetType === 0 || packetType === 5;
    return { codec: packetType === multitrack ? undefined : fourCc(payload, 1), isSequenceHeader, isKeyframe };
  }
  const id = first & 0x0f;
  // AVC and, by a common extension, HEVC have a packet type: 0 is the sequence header.
  const isSequenceHeader = (id === 7 || id === 12) && payload[1] === 0;
  return { codec: videoCodecs[id], isSequenceHeader, isKeyframe };
}

/**
 * The content of a video sequence header: the codec, and the record that MP4 stores in `avcC`, `hvcC`, …; undefined for any other tag.
 */
export function videoConfiguration(
  payload: Uint8Array,
): { readonly codec: string; readonly record: Uint8Array } | undefined {
  const { codec, isSequenceHeader } = parseVideoTag(payload);
  if (codec === undefined || !isSequenceHeader) return undefined;
  // Preceded by packet type and composition time, or by the FourCC.
  return { codec, record: payload.subarray(5) };
}

export function parseAudioTag(payload: Uint8Array): MediaTag {
  const first = payload[0] ?? 0;
  const format = first >> 4;
  if (format === 9) {
    return { codec: fourCc(payload, 1), isSequenceHeader: (first & 0x0f) === 0, isKeyframe: true };
  }
  return { codec: audioCodecs[format], isSequenceHeader: format === 10 && payload[1] === 0, isKeyframe: true };
}

/** The codec in metadata: an FLV number, or a FourCC as number or text. Undefined for anything else. */
export function audioCodecOf(audiocodecid: unknown): string | undefined {
  if (typeof audiocodecid === 'string') return fourCc(Buffer.from(audiocodecid, 'latin1'), 0);
  if (typeof audiocodecid !== 'number' || !Number.isInteger(audiocodecid)) return undefined;
  if (audiocodecid < 16) return audioCodecs[audiocodecid];
  if (audiocodecid < 0 || audiocodecid > 0xffff_ffff) return undefined;
  const code = Buffer.alloc(4);
  code.writeUInt32BE(audiocodecid);
  return fourCc(code, 0);
}

function fourCc(payload: Uint8Array, at: number): string | undefined {
  if (payload.length < at + 4) return undefined;
  const code = String.fromCharCode(...payload.subarray(at, at + 4));
  return /^[\x21-\x7e][\x20-\x7e]{3}$/.test(code) ? code : undefined;
}
