import { parseConfig } from '../../config/parse.js';
import type { StreamConfig } from '../../config/schema/schema.js';
import { SidepipeError } from '../../errors.js';
import type { Capabilities } from '../../ffmpeg/capabilities.js';
import { ffmpegArguments } from '../../ffmpeg/output/arguments.js';
import { accessUnitOutputs } from '../../ffmpeg/output/webrtc.js';
import type { Container } from '../../hls/window.js';
import { parseSource, type Source } from '../../ingest/source.js';
import { planStream } from '../outputs/plan.js';
import { renditionNames } from '../outputs/rendition-plan.js';
import { firstNeeds, type SourceNeeds } from '../outputs/source-needs.js';

/** An output that must arrive for a set of arguments to count as accepted. A segment belongs to a rendition. */
export type Expected =
  | 'picture'
  | 'packets'
  | 'snapshot'
  | 'monitor'
  | 'audio'
  | `access units of ${'video' | 'audio'}`
  | `segment of ${string}`;

/** The input of one set of arguments. */
interface ArgumentSetInput {
  /** The source in the configuration. */
  readonly source: string;
  /** What is written to ffmpeg's file descriptor 6, or opened as it. */
  readonly media?: 'publisher' | 'file';
}

/** One complete command line that the node can make. */
export interface ArgumentSet {
  readonly name: string;
  readonly args: readonly string[];
  readonly media: ArgumentSetInput['media'];
  /** The renditions for players, in the order of their pipes. */
  readonly renditions: readonly string[];
  readonly container: Container;
  /** Whether commands are written to standard input. */
  readonly takesCommands: boolean;
  /** All of these must arrive. Empty: the source does not exist, and ffmpeg must report that and nothing else. */
  readonly expected: readonly Expected[];
}

/** A set that this build cannot run because it lacks an optional component. */
export interface MissingSet {
  readonly name: string;
  readonly missing: string;
}

/** Where the sets find their sources. */
export interface ArgumentPlaces {
  /** Paths of the same clip in several containers. */
  readonly files: { readonly mp4: string; readonly silent: string };
  /** Serves `/clip.ts`, `/clip.mp4`, `/index.m3u8` and `/mjpeg`: `http://127.0.0.1:8080`. */
  readonly origin: string;
  /** An address where nothing accepts connections: `127.0.0.1:1`. */
  readonly closed: string;
}

interface Wanted {
  readonly name: string;
  readonly input: ArgumentSetInput;
  readonly stream?: Readonly<Record<string, unknown>>;
  readonly needs?: Partial<SourceNeeds>;
  readonly isBound?: boolean;
  readonly flushesKeyframes?: boolean;
  readonly isSilent?: boolean;
  readonly startsLate?: boolean;
  /** Only frames. */
  readonly withoutHls?: boolean;
  /** The source does not exist. */
  readonly isAbsent?: boolean;
  /** The source ends too soon for outputs that must be requested. */
  readonly isShort?: boolean;
  /** A component of ffmpeg that the set requires. */
  readonly encoder?: string;
  readonly bitstreamFilter?: string;
}

/**
 * Every command line that the node can make, so that together they contain every option: each kind of source, copied and encoded, both
 * containers, each decode mode, snapshots, the monitor, access units, each kind of audio. `EncoderDesk` tests the options of hardware encoders, because
 * they need the hardware. Pure.
 */
export function argumentSets(
  capabilities: Capabilities,
  places: ArgumentPlaces,
): readonly (ArgumentSet | MissingSet)[] {
  return wantedSets(places).map((wanted) => {
    const missing = missingPart(wanted, capabilities);
    if (missing !== undefined) return { name: wanted.name, missing };
    try {
      return argumentSet(wanted, capabilities);
    } catch (error) {
      if (error instanceof SidepipeError && error.code === 'source-unsupported')
        return { name: wanted.name, missing: error.message };
      throw error;
    }
  });
}

function missingPart({ encoder, bitstreamFilter }: Wanted, has: Capabilities): string | undefined {
  if (encoder !== undefined && !has.encoders.has(encoder)) return `this ffmpeg has no encoder ${encoder}`;
  if (bitstreamFilter !== undefined && !has.bitstreamFilters.has(bitstreamFilter))
    return `this ffmpeg has no bitstream filter ${bitstreamFilter}`;
  return undefined;
}

const libx264 = { encoder: 'libx264' } as const;
const small = { name: 'small', height: 64, bitrate: 100_000, preset: 'ultrafast' } as const;

function wantedSets(places: ArgumentPlaces): readonly Wanted[] {
  const file = { source: places.files.mp4 };
  return [...copiedSets(file), ...encodedSets(file, places), ...sourceSets(places), ...absentSets(places)];
}

/** Copied video. */
function copiedSets(file: ArgumentSetInput): Wanted[] {
  return [
    { name: 'copy to MPEG-TS, thumbnails of keyframes', input: file },
    { name: 'copy to fMP4, thumbnails of keyframes', input: file, stream: { hls: { container: 'fmp4' } } },
    { name: 'copy, thumbnails of references', input: file, stream: { thumbnail: { decode: 'references' } } },
    { name: 'copy, thumbnails of more than full size', input: file, stream: { thumbnail: { width: 1280, bestOf: 3 } } },
    { name: 'copy with the monitor', input: file, stream: { monitor: true } },
    {
      name: 'copy, audio of any codec to fMP4',
      input: file,
      stream: { hls: { container: 'fmp4' } },
      needs: { audio: 'copy' },
    },
    { name: 'copy, audio encoded', input: file, stream: { audio: 'aac' }, encoder: 'aac' },
    { name: 'copy, no audio', input: file, stream: { audio: 'none' } },
    {
      name: 'copy under another codec name',
      input: file,
      stream: { hls: { container: 'fmp4' } },
      needs: { videoTag: 'avc1' },
    },
    {
      name: 'copy of interlaced video, with the monitor',
      input: file,
      stream: { monitor: true },
      needs: { isInterlaced: true },
    },
    { name: 'thumbnails alone', input: file, withoutHls: true },
    {
      name: 'copy with access units of video',
      input: file,
      stream: { hls: { container: 'fmp4' } },
      needs: { webrtc: { video: 'copy', audio: 'none' } },
    },
    {
      name: 'copy with access units, audio copied',
      input: file,
      needs: { webrtc: { video: 'copy', audio: 'pcmu-copy' } },
    },
    {
      name: 'copy with access units, audio encoded to Opus',
      input: file,
      needs: { webrtc: { video: 'copy', audio: 'opus' } },
      encoder: 'libopus',
    },
  ];
}

function encodedSets(file: ArgumentSetInput, { files }: ArgumentPlaces): Wanted[] {
  return [
    { name: 'encode to MPEG-TS', input: file, stream: { renditions: [small] }, ...libx264 },
    {
      name: 'encode to fMP4 at a fixed rate with the monitor',
      input: file,
      stream: { renditions: [{ ...small, fps: 5 }], hls: { container: 'fmp4' }, monitor: true, audio: 'aac' },
      ...libx264,
    },
    {
      name: 'encode interlaced video',
      input: file,
      stream: { renditions: [small] },
      needs: { isInterlaced: true },
      ...libx264,
    },
    {
      name: 'encode with lookahead',
      input: file,
      stream: { renditions: [{ ...small, preset: 'veryfast' }] },
      ...libx264,
    },
    {
      name: 'encode to MPEG-TS with access units',
      input: file,
      stream: { renditions: [small, { ...small, name: 'other' }] },
      needs: { webrtc: { video: 'rendition', audio: 'none' } },
      ...libx264,
    },
    {
      name: 'encode to fMP4 with access units, audio copied',
      input: file,
      stream: { renditions: [{ ...small, preset: 'veryfast' }], hls: { container: 'fmp4' }, audio: 'aac' },
      needs: { webrtc: { video: 'rendition', audio: 'pcmu-copy' } },
      ...libx264,
    },
    {
      name: 'copy and encode side by side',
      input: file,
      stream: { video: 'copy', renditions: [small, { ...small, name: 'slow', fps: 5 }] },
      ...libx264,
    },
    {
      name: 'silence beside video without audio',
      input: { source: files.silent },
      stream: { audio: 'aac' },
      needs: { audio: 'silence' },
      encoder: 'aac',
    },
    { name: 'test picture', input: { source: 'test' }, ...libx264 },
  ];
}

/** Each kind of source that is available here. */
function sourceSets({ origin }: ArgumentPlaces): Wanted[] {
  const publisher = { source: 'push', media: 'publisher' } as const;
  return [
    { name: 'publisher', input: publisher },
    {
      name: 'publisher, keyframes marked for the decoder',
      input: publisher,
      flushesKeyframes: true,
      bitstreamFilter: 'filter_units',
    },
    { name: 'publisher without audio', input: publisher, isSilent: true },
    {
      name: 'publisher whose audio was silent',
      input: publisher,
      needs: { audio: 'none', isAudioSilent: true },
    },
    { name: 'file of a directory', input: { source: '/media/', media: 'file' }, isShort: true },
    { name: 'HTTP, live', input: { source: `${origin}/clip.ts` }, isShort: true },
    { name: 'HTTP, recorded', input: { source: `${origin}/clip.mp4` }, isShort: true },
    {
      name: 'HTTP under a source policy, wall clock',
      input: { source: `${origin}/clip.ts` },
      stream: { input: { timestamps: 'wallclock' } },
      isBound: true,
      isShort: true,
    },
    { name: 'HLS', input: { source: `${origin}/index.m3u8` }, isShort: true },
    { name: 'HLS, near its end', input: { source: `${origin}/index.m3u8` }, isShort: true, startsLate: true },
    { name: 'motion JPEG', input: { source: `${origin}/mjpeg` }, ...libx264, isShort: true },
  ];
}

/** Kinds of source that need a peer or a device: ffmpeg must get as far as looking for it. */
function absentSets({ closed }: ArgumentPlaces): Wanted[] {
  const srt = { passphrase: '0123456789', streamId: 'stream', latencyMs: 200 };
  const device = { width: 640, height: 480, fps: 30 };
  const absent = (name: string, source: string, stream: Wanted['stream'] = {}): Wanted => {
    return { name, input: { source }, stream, isAbsent: true };
  };
  return [
    absent('RTSP over TCP', `rtsp://${closed}/1`),
    absent('RTSP over UDP', `rtsp://${closed}/1`, { rtsp: { transport: 'udp' } }),
    absent('RTSPS', `rtsps://${closed}/1`),
    absent('RTMP', `rtmp://${closed}/live/stream`),
    absent('HTTPS', `https://${closed}/clip.ts`),
    absent('SRT, calling', `srt://${closed}`, { srt }),
    absent('device', '/dev/video9999', { device }),
    absent('device of H.264', '/dev/video9999', { device: { ...device, format: 'h264' } }),
  ];
}

function argumentSet(wanted: Wanted, capabilities: Capabilities): ArgumentSet {
  const { name, input, isBound, flushesKeyframes, isSilent, startsLate, isAbsent = false, isShort = false } = wanted;
  const config = streamOf(wanted);
  const source = parseSource(input.source, (path) => path, config.input.format);
  const makesMedia = !wanted.withoutHls;
  const renditions = makesMedia ? renditionNames(config) : [];
  const plan = planStream({
    config,
    source,
    capabilities,
    makesMedia,
    needs: { ...firstNeeds(config, source), ...wanted.needs },
    sourceUrl: urlOf(source, input),
    ...(isBound === undefined ? {} : { isBound }),
    ...(flushesKeyframes === undefined ? {} : { flushesKeyframes }),
    ...(isSilent === undefined ? {} : { isSilent }),
    ...(startsLate === undefined ? {} : { startsLate }),
  });
  const expected: Expected[] = [
    'picture',
    ...renditions.map((rendition) => `segment of ${rendition}` as const),
    ...(plan.frames.packetTimes ? (['packets'] as const) : []),
    ...(plan.snapshots && !isShort ? (['snapshot'] as const) : []),
    ...(plan.monitor === undefined ? [] : (['monitor'] as const)),
    ...(plan.awaitsAudio ? (['audio'] as const) : []),
    ...(['access units of video', 'access units of audio'] as const).slice(0, accessUnitOutputs(plan.webrtc)),
  ];
  const { snapshots: takesCommands = false } = plan;
  return {
    name,
    args: ffmpegArguments(plan),
    media: input.media,
    renditions,
    container: plan.hls.container,
    takesCommands,
    expected: isAbsent ? [] : expected,
  };
}

/** The URL that the route to the source would use. */
function urlOf(source: Source, { media }: ArgumentSetInput): string | undefined {
  if (media === 'file') return 'file:/dev/fd/6';
  return source.kind === 'rtmp' ? source.url : undefined;
}

function streamOf({ input, stream = {} }: Wanted): StreamConfig {
  const { thumbnail = {}, hls = {}, ...others } = stream as Record<string, object>;
  return parseConfig({
    streams: [
      {
        name: 'trial',
        source: input.source,
        ...(input.source === 'push' ? { keys: ['not-used-by-anyone-0'] } : {}),
        input: { connectTimeoutSeconds: 5, readTimeoutSeconds: 5 },
        ...others,
        thumbnail: { intervalSeconds: 0.5, width: 64, ...thumbnail },
        hls: { segmentSeconds: 0.5, ...hls },
      },
    ],
  }).streams[0]!;
}
