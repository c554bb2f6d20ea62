import type { SenderReport } from '../rtcp.js';
import { timestampDistance } from '../rtp.js';

/** Places the RTP timestamps of audio and video on one timeline. Pure: times are parameters, in milliseconds. */

export type MediaKind = 'audio' | 'video';

interface Track {
  /** The RTP timestamp, unwrapped, at `timeMs` of the timeline. */
  anchor: { readonly timestamp: number; timeMs: number };
  /** The newest unwrapped timestamp. */
  newest: number;
  latestMs: number;
  /** The sender's clock in milliseconds at timestamp 0. */
  senderMs: number | undefined;
}

/** RTP clock rates, in ticks per millisecond. */
const TICKS = { audio: 48, video: 90 } as const;
/** A track whose time differs from its arrival by more has jumped. */
const LARGEST_JUMP_MS = 10_000;
/** Audio is moved once when both tracks have reports, and later only if it is off by more: each move is audible. */
const SMALLEST_MOVE_MS = 40;

/**
 * Before sender reports, each track starts when its first packet arrives. Reports of both tracks tell which timestamps were captured at the same
 * time: audio is then moved to match the video.
 */
export class MediaClock {
  readonly #tracks: { audio?: Track; video?: Track } = {};
  #startedAt: number | undefined;
  #isAligned = false;

  /** The time on the timeline, which starts at 0, in milliseconds. Never less than an earlier result for the same kind. */
  place(kind: MediaKind, timestamp: number, now: number): number {
    this.#startedAt ??= now;
    const arrivalMs = Math.max(0, now - this.#startedAt);
    const track = this.#tracks[kind] ?? this.#begin(kind, timestamp, arrivalMs);
    const unwrapped = track.newest + timestampDistance(timestamp, track.newest);
    const timeMs = track.anchor.timeMs + (unwrapped - track.anchor.timestamp) / TICKS[kind];
    if (Math.abs(timeMs - arrivalMs) > LARGEST_JUMP_MS) {
      const again = this.#begin(kind, timestamp, Math.max(arrivalMs, track.latestMs));
      again.latestMs = track.latestMs;
      return this.#advance(again, again.anchor.timeMs);
    }
    track.newest = Math.max(track.newest, unwrapped);
    return this.#advance(track, timeMs);
  }

  /** Another source sends the track: its timestamps have nothing to do with the earlier ones. */
  restart(kind: MediaKind): void {
    delete this.#tracks[kind];
    this.#isAligned = false;
  }

  report(kind: MediaKind, { ntpMs, rtpTimestamp }: Pick<SenderReport, 'ntpMs' | 'rtpTimestamp'>): void {
    const track = this.#tracks[kind];
    if (track === undefined) return;
    const unwrapped = track.newest + timestampDistance(rtpTimestamp, track.newest);
    track.senderMs = ntpMs - unwrapped / TICKS[kind];
    this.#align();
  }

  #begin(kind: MediaKind, timestamp: number, timeMs: number): Track {
    const track = { anchor: { timestamp, timeMs }, newest: timestamp, latestMs: 0, senderMs: undefined };
    this.#tracks[kind] = track;
    this.#isAligned = false;
    return track;
  }

  #advance(track: Track, timeMs: number): number {
    track.latestMs = Math.max(track.latestMs, timeMs, 0);
    return track.latestMs;
  }

  #align(): void {
    const { audio, video } = this.#tracks;
    if (audio?.senderMs === undefined || video?.senderMs === undefined) return;
    const captured = (track: Track, kind: MediaKind) => track.senderMs! + track.anchor.timestamp / TICKS[kind];
    const offMs = audio.anchor.timeMs - video.anchor.timeMs - (captured(audio, 'audio') - captured(video, 'video'));
    // A sender whose reports are wrong must not pull the tracks apart.
    if (Math.abs(offMs) > LARGEST_JUMP_MS / 2) return;
    if (this.#isAligned && Math.abs(offMs) < SMALLEST_MOVE_MS) return;
    this.#isAligned = true;
    audio.anchor.timeMs -= offMs;
  }
}
