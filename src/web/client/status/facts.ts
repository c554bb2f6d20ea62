import { ageInWords, bitrateInWords } from '../words.js';

/** The numbers of streams as texts. Pure. */

/** The part of a `stats` event about one stream. */
export interface Stats {
  readonly stream: string;
  readonly state: string;
  readonly fps: number | null;
  readonly speed: number | null;
  readonly bitrate: number | null;
  readonly keyframeIntervalSeconds: number | null;
  readonly driftSeconds: number | null;
  readonly thumbnail: {
    readonly ageSeconds: number | null;
    readonly state: string;
    readonly gate: string | null;
    readonly captured: number;
    readonly dropped: number;
    readonly rejected: number;
  };
  readonly upload: {
    readonly state: string | null;
    readonly lagSeconds: number | null;
    readonly backlogBytes: number;
    readonly uploaded: number;
    readonly failed: number;
  };
  readonly viewers: number;
  readonly restarts: number;
}

const none = '–';
const count = (value: number): string => value.toLocaleString('en');

export function decimals(value: number | null, digits: number, unit: string): string {
  if (value === null) return none;
  // A value rounded to zero has no sign.
  return `${value.toFixed(digits).replace(/^-(?=[0.]+$)/, '')}${unit}`;
}

export function bytesInWords(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 ** 2 ? `${(bytes / 1024).toFixed(0)} KiB` : `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}

/** The gate's verdict on a stream's video; empty if it is good. */
export function gateInWords(gate: string | null): string {
  return gate === null || gate === 'good' ? '' : `${gate} video`;
}

/** The texts in a stream's row, by number. */
export function rowNumbers(stats: Stats): Readonly<Record<string, string>> {
  const { ageSeconds } = stats.thumbnail;
  return {
    fps: stats.fps === null ? none : stats.fps.toFixed(1),
    bitrate: stats.bitrate === null ? none : bitrateInWords(stats.bitrate),
    age: ageSeconds === null ? none : ageInWords(ageSeconds),
    upload: uploadInWords(stats.upload),
    viewers: count(stats.viewers),
    restarts: count(stats.restarts),
  };
}

function uploadInWords({ state, lagSeconds, backlogBytes }: Stats['upload']): string {
  if (state === null) return none;
  if (state !== 'publishing') return state;
  return backlogBytes > 0 ? bytesInWords(backlogBytes) : decimals(lagSeconds, 1, ' s');
}

/** The texts in a stream's details, by fact. */
export function detailFacts(stats: Stats): Readonly<Record<string, string>> {
  const { thumbnail, upload } = stats;
  return {
    fps: decimals(stats.fps, 2, ''),
    bitrate: stats.bitrate === null ? none : bitrateInWords(stats.bitrate),
    speed: decimals(stats.speed, 2, ' × real time'),
    keyframes: decimals(stats.keyframeIntervalSeconds, 2, ' s'),
    drift: driftInWords(stats.driftSeconds),
    age: decimals(thumbnail.ageSeconds, 1, ' s'),
    image: thumbnail.state,
    gate: thumbnail.gate ?? none,
    captured: count(thumbnail.captured),
    rejected: count(thumbnail.rejected),
    dropped: count(thumbnail.dropped),
    lag: decimals(upload.lagSeconds, 1, ' s'),
    backlog: upload.state === null ? none : bytesInWords(upload.backlogBytes),
    uploaded: upload.state === null ? none : count(upload.uploaded),
    failed: upload.state === null ? none : count(upload.failed),
  };
}

function driftInWords(seconds: number | null): string {
  if (seconds === null) return none;
  if (Math.abs(seconds) < 0.05) return 'none';
  return `${Math.abs(seconds).toFixed(1)} s ${seconds > 0 ? 'behind' : 'ahead'}`;
}

/** The time of the next connection attempt. `now`: milliseconds since the epoch. */
export function nextAttemptInWords(at: string | null, now: number): string {
  if (at === null) return none;
  const seconds = Math.ceil((Date.parse(at) - now) / 1000);
  if (seconds <= 0) return 'now';
  const time = new Date(at).toLocaleTimeString([], { hour12: false });
  return `at ${time}, in ${seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`}`;
}
