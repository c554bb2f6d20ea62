import { H264Depacketizer } from '../h264-depacketizer.js';
import { type OrderedPacket, ReorderBuffer } from '../reorder-buffer.js';
import {
  parseSenderReports,
  type ReceptionReport,
  type SenderReport,
  writeMaximumBitrate,
  writeNack,
  writePictureLoss,
  writeReceiverReport,
} from '../rtcp.js';
import { isRtcp, parseRtp, type RtpPacket, timestampDistance } from '../rtp.js';
import { MediaClock, type MediaKind } from './media-clock.js';

/** RTP and RTCP of one publisher to access units, and what is sent back. Pure: times are parameters, in milliseconds. */

/** A picture, or an audio packet. */
export interface MediaUnit {
  readonly kind: MediaKind;
  /** On a timeline that audio and video share. */
  readonly timeMs: number;
  /** Always true for audio. */
  readonly isKeyframe: boolean;
  /** NAL units, or one Opus packet. */
  readonly payload: readonly Uint8Array[];
}

export interface Received {
  readonly units: readonly MediaUnit[];
  /** RTCP packets to send. */
  readonly outgoing: readonly Uint8Array[];
}

export interface WhipReceiverOptions {
  /** The negotiated payload types; undefined: no such media. */
  readonly payloadTypes: { readonly video: number | undefined; readonly audio: number | undefined };
  /** How the node identifies itself in RTCP. */
  readonly ssrc: number;
  /** A keyframe is requested when there was none for this long. */
  readonly keyframeIntervalMs: number;
  /** How much the publisher may send. */
  readonly maxBitsPerSecond: number;
}

const REPORT_INTERVAL_MS = 1000;
/** A publisher needs time to encode a keyframe. */
const PICTURE_LOSS_INTERVAL_MS = 500;
/** Encoders that ignore requests for a keyframe send the next one at their own interval: until then damaged video is better than none. */
const LONGEST_FREEZE_MS = 1000;
const CLOCK_RATES = { audio: 48_000, video: 90_000 } as const;

/** One RTP source. */
class Source {
  readonly ssrc: number;
  readonly buffer = new ReorderBuffer();
  jitter = 0;
  report: { readonly middle: number; readonly at: number } | undefined;
  reported = { received: 0, expected: 0 };
  #transit: number | undefined;

  constructor(ssrc: number) {
    this.ssrc = ssrc;
  }

  /** RFC 3550, A.8. */
  measure(kind: MediaKind, timestamp: number, now: number): void {
    const arrival = Math.round((now * CLOCK_RATES[kind]) / 1000) | 0;
    const transit = timestampDistance(arrival, timestamp);
    const difference = this.#transit === undefined ? 0 : Math.abs(timestampDistance(transit, this.#transit));
    this.#transit = transit;
    this.jitter += (difference - this.jitter) / 16;
  }
}

export class WhipReceiver {
  readonly #options: WhipReceiverOptions;
  readonly #clock = new MediaClock();
  readonly #sources: { audio?: Source; video?: Source } = {};
  #depacketizer = new H264Depacketizer();
  #isAfterLoss = false;
  #wantsKeyframe = true;
  #pictureLossAt = Number.NEGATIVE_INFINITY;
  #keyframeAt: number | undefined;
  #brokenSince: number | undefined;
  #reportedAt: number | undefined;

  constructor(options: WhipReceiverOptions) {
    this.#options = options;
  }

  /** Requests a keyframe with the next packet that is sent. */
  requestKeyframe(): void {
    this.#wantsKeyframe = true;
  }

  /** Takes one RTP or RTCP packet. Anything else is ignored. */
  receive(bytes: Uint8Array, now: number): Received {
    if (isRtcp(bytes)) {
      for (const report of parseSenderReports(bytes)) this.#reportOf(report, now);
      return { units: [], outgoing: [] };
    }
    const packet = parseRtp(bytes);
    const kind = packet && this.#kindOf(packet);
    if (packet === undefined || kind === undefined) return { units: [], outgoing: [] };
    const source = this.#sourceOf(kind, packet);
    source.measure(kind, packet.timestamp, now);
    const units = this.#deliver(kind, source.buffer.receive(packet, now), now);
    return { units, outgoing: this.#feedback(now) };
  }

  /** To be called about every 20 ms: gives up lost packets, sends reports. */
  tick(now: number): Received {
    const units = (['audio', 'video'] as const).flatMap((kind) => {
      const source = this.#sources[kind];
      return source === undefined ? [] : this.#deliver(kind, source.buffer.tick(now), now);
    });
    return { units, outgoing: [...this.#feedback(now), ...this.#reports(now)] };
  }

  #kindOf({ payloadType }: RtpPacket): MediaKind | undefined {
    const { video, audio } = this.#options.payloadTypes;
    if (payloadType === video) return 'video';
    return payloadType === audio ? 'audio' : undefined;
  }

  #sourceOf(kind: MediaKind, { ssrc }: RtpPacket): Source {
    const known = this.#sources[kind];
    if (known?.ssrc === ssrc) return known;
    const source = new Source(ssrc);
    this.#sources[kind] = source;
    if (known === undefined) return source;
    this.#clock.restart(kind);
    if (kind === 'video') {
      this.#depacketizer = new H264Depacketizer();
      this.#wantsKeyframe = true;
    }
    return source;
  }

  #reportOf(report: SenderReport, now: number): void {
    for (const kind of ['audio', 'video'] as const) {
      const source = this.#sources[kind];
      if (source?.ssrc !== report.ssrc) continue;
      source.report = { middle: report.ntpMiddle, at: now };
      this.#clock.report(kind, report);
    }
  }

  #deliver(kind: MediaKind, packets: readonly OrderedPacket[], now: number): MediaUnit[] {
    return packets.flatMap((ordered) => {
      if (kind === 'audio') return ordered.packet.payload.length === 0 ? [] : [this.#audioOf(ordered.packet, now)];
      this.#isAfterLoss ||= ordered.isAfterLoss;
      // Chromium sends padding as packets without payload.
      if (ordered.packet.payload.length === 0) return [];
      const isAfterLoss = this.#isAfterLoss;
      this.#isAfterLoss = false;
      return this.#videoOf({ ...ordered, isAfterLoss }, now);
    });
  }

  #audioOf({ timestamp, payload }: RtpPacket, now: number): MediaUnit {
    return { kind: 'audio', timeMs: this.#clock.place('audio', timestamp, now), isKeyframe: true, payload: [payload] };
  }

  #videoOf(ordered: OrderedPacket, now: number): MediaUnit[] {
    const { accessUnits, isLost } = this.#depacketizer.push(ordered);
    const units: MediaUnit[] = [];
    for (const { timestamp, units: payload, isKeyframe } of accessUnits) {
      const timeMs = this.#clock.place('video', timestamp, now);
      if (isKeyframe) {
        this.#keyframeAt = now;
        this.#wantsKeyframe = false;
        this.#brokenSince = undefined;
      }
      if (this.#brokenSince === undefined || now - this.#brokenSince > LONGEST_FREEZE_MS) {
        units.push({ kind: 'video', timeMs, isKeyframe, payload });
      }
    }
    if (isLost) {
      this.#brokenSince ??= now;
      this.#wantsKeyframe = true;
    }
    return units;
  }

  #feedback(now: number): Uint8Array[] {
    const { ssrc } = this.#options;
    const packets: Uint8Array[] = [];
    for (const source of [this.#sources.video, this.#sources.audio]) {
      const missing = source?.buffer.nacks(now) ?? [];
      if (missing.length > 0) packets.push(writeNack(ssrc, source!.ssrc, missing));
    }
    const { video } = this.#sources;
    if (video === undefined) return packets;
    const isDue = this.#keyframeAt !== undefined && now - this.#keyframeAt >= this.#options.keyframeIntervalMs;
    if ((this.#wantsKeyframe || isDue) && now - this.#pictureLossAt >= PICTURE_LOSS_INTERVAL_MS) {
      this.#pictureLossAt = now;
      packets.push(writePictureLoss(ssrc, video.ssrc));
    }
    return packets;
  }

  #reports(now: number): Uint8Array[] {
    const sources = [this.#sources.video, this.#sources.audio].filter((source) => source !== undefined);
    const isDue = this.#reportedAt === undefined || now - this.#reportedAt >= REPORT_INTERVAL_MS;
    if (sources.length === 0 || !isDue) return [];
    this.#reportedAt = now;
    const { ssrc, maxBitsPerSecond } = this.#options;
    const report = writeReceiverReport(
      ssrc,
      sources.map((source) => receptionOf(source, now)),
    );
    const { video } = this.#sources;
    // Without it browsers start at 300 kbit/s and increase slowly.
    return video === undefined ? [report] : [report, writeMaximumBitrate(ssrc, video.ssrc, maxBitsPerSecond)];
  }
}

function receptionOf(source: Source, now: number): ReceptionReport {
  const { received, expected, highest } = source.buffer.counts;
  const newExpected = expected - source.reported.expected;
  const newLost = newExpected - (received - source.reported.received);
  source.reported = { received, expected };
  const { report } = source;
  return {
    ssrc: source.ssrc,
    fractionLost: newExpected <= 0 || newLost <= 0 ? 0 : Math.floor((newLost * 256) / newExpected),
    packetsLost: expected - received,
    highestSequence: highest,
    jitter: Math.round(source.jitter),
    lastSenderReport: report?.middle ?? 0,
    delaySinceReport: report === undefined ? 0 : Math.round(((now - report.at) * 65_536) / 1000),
  };
}
