import type { Readable } from 'node:stream';
import type { AccessUnitAudio, AccessUnitPlan } from '../../ffmpeg/output/webrtc.js';
import { NutDemuxer } from '../../frames/nut-demuxer.js';
import type { VideoHeader } from '../../frames/nut-header.js';
import { readReused } from '../../io/reused-reads.js';
import type { AccessUnit, LiveAudio, LiveTracks } from '../../webrtc/whep/tracks.js';
import { AccessUnitConverter } from './access-units.js';

export interface AccessUnitIntakeOptions {
  readonly plan: AccessUnitPlan;
  /** Whether anyone needs the units; otherwise only keyframes are looked at. */
  readonly isWatched: () => boolean;
  /** What the units are, once known and whenever it changes. */
  readonly onTracks: (tracks: LiveTracks) => void;
  readonly onVideo: (unit: AccessUnit) => void;
  readonly onAudio: (unit: AccessUnit) => void;
  /** ffmpeg's output cannot be parsed; nothing more is passed on. */
  readonly onFailed: (error: unknown) => void;
}

/** Larger than any frame that browsers can play. */
const MOST_UNIT_BYTES = 16 * 1024 ** 2;
const AUDIO: Readonly<Record<Exclude<AccessUnitAudio, 'none'>, LiveAudio>> = {
  opus: 'opus',
  'opus-copy': 'opus',
  'pcmu-copy': 'pcmu',
  'pcma-copy': 'pcma',
};
/** G.711: 60 ms, so that a packet fits into every network's. */
const MOST_PCM_BYTES = 480;
const PCM_RATE = 8000;

/** Receives the access units of one run: a pipe for video, one for audio. Reads always, also without viewers. */
export class AccessUnitIntake {
  readonly #options: AccessUnitIntakeOptions;
  readonly #audio: LiveAudio | undefined;
  #converter: AccessUnitConverter | undefined;
  /** Its setup, which the muxer repeats. */
  #setup: Uint8Array | undefined;
  /** G.711 in another form than RTP carries. */
  #isAudioUnfit = false;
  readonly #memory = { video: new Uint8Array(0), audio: new Uint8Array(0) };

  constructor(options: AccessUnitIntakeOptions) {
    const { audio } = options.plan;
    this.#options = options;
    this.#audio = audio === 'none' ? undefined : AUDIO[audio];
  }

  read([video, audio]: readonly Readable[]): void {
    if (video !== undefined) this.#drain(video, this.#videoDemuxer());
    if (audio !== undefined) this.#drain(audio, this.#audioDemuxer());
  }

  #drain(pipe: Readable, demuxer: { push(piece: Uint8Array): void }): void {
    let isBroken = false;
    readReused(pipe, (piece) => {
      if (isBroken) return;
      try {
        demuxer.push(piece);
      } catch (error) {
        isBroken = true;
        this.#options.onFailed(error);
      }
    });
  }

  #videoDemuxer() {
    const { isWatched, onVideo } = this.#options;
    return NutDemuxer.video({
      onStream: (header) => this.#opened(header),
      acquire: ({ isKey, bytes }) => (isKey || isWatched() ? this.#acquire('video', bytes) : undefined),
      onPacket: ({ ptsSeconds, isKey }, data) => {
        const converter = this.#converter;
        if (converter === undefined) return;
        const before = isKey ? converter.video : undefined;
        const hasChanged = converter.frame(ptsSeconds);
        const unit = data && (isWatched() ? converter.convert(data, isKey) : undefined);
        if (data !== undefined && unit === undefined && isKey) converter.learn(data);
        if (hasChanged || (isKey && !isEqual(before, converter.video))) this.#describe();
        if (unit !== undefined) onVideo({ ptsSeconds, ...unit });
      },
    });
  }

  #audioDemuxer() {
    const { isWatched, onAudio } = this.#options;
    return NutDemuxer.audio({
      onStream: ({ sampleRate, channels }) => {
        const isPcm = this.#audio === 'pcmu' || this.#audio === 'pcma';
        const isUnfit = isPcm && (sampleRate !== PCM_RATE || channels !== 1);
        if (isUnfit === this.#isAudioUnfit) return;
        this.#isAudioUnfit = isUnfit;
        this.#describe();
      },
      acquire: ({ bytes }) => (isWatched() ? this.#acquire('audio', bytes) : undefined),
      onPacket: ({ ptsSeconds }, bytes) => {
        if (bytes === undefined || this.#isAudioUnfit) return;
        if (this.#audio === 'opus') {
          onAudio({ ptsSeconds, bytes, isKey: true });
          return;
        }
        for (let at = 0; at < bytes.length; at += MOST_PCM_BYTES) {
          const part = bytes.subarray(at, at + MOST_PCM_BYTES);
          onAudio({ ptsSeconds: ptsSeconds + at / PCM_RATE, bytes: part, isKey: true });
        }
      },
    });
  }

  #opened({ extradata, fourcc }: VideoHeader): void {
    if (this.#setup !== undefined && Buffer.compare(this.#setup, extradata) === 0) return;
    this.#setup = extradata;
    this.#converter = new AccessUnitConverter({
      codec: /^(?:HEVC|H265|hvc1|hev1)$/i.test(fourcc) ? 'hevc' : 'avc',
      extradata,
    });
    this.#describe();
  }

  #describe(): void {
    const video = this.#converter?.video;
    if (video !== undefined) this.#options.onTracks({ video, audio: this.#isAudioUnfit ? undefined : this.#audio });
  }

  #acquire(kind: 'video' | 'audio', bytes: number): Uint8Array | undefined {
    if (bytes > MOST_UNIT_BYTES) return undefined;
    if (this.#memory[kind].length < bytes) this.#memory[kind] = new Uint8Array(Math.max(4096, 2 * bytes));
    return this.#memory[kind];
  }
}

function isEqual(one: LiveTracks['video'] | undefined, other: LiveTracks['video'] | undefined): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
