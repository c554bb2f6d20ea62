/** Texts for people, shared by server and browser. Pure. */

/** An age in the largest suitable unit: `now`, `3 s`, `2 min`, `5 h`, `2 days`. */
export function ageInWords(seconds: number): string {
  if (seconds < 1) return 'now';
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 2 * 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} days`;
}

/** The caption of a thumbnail: its age and state. An undefined age means that there has never been one. */
export function pictureInWords(state: string, ageSeconds: number | undefined): string {
  if (ageSeconds === undefined) return 'No thumbnail yet';
  const age = ageInWords(ageSeconds);
  if (state === 'fresh') return age === 'now' ? 'Now' : `${age} ago`;
  const when = age === 'now' ? 'just now' : `${age} ago`;
  return state === 'stale' ? `Stale, ${when}` : `Last thumbnail ${when}`;
}

/** The latency of a player: `1.2 s behind live`; without tenths from ten seconds. */
export function latencyInWords(seconds: number): string {
  return `${seconds < 9.95 ? seconds.toFixed(1) : Math.round(seconds)} s behind live`;
}

const stateWords: Readonly<Record<string, string>> = {
  idle: 'Waiting',
  starting: 'Starting',
  live: 'Live',
  recovering: 'Reconnecting',
  failed: 'Failed',
};

/** A stream's state in one word, for operators. */
export function stateInWords(state: string): string {
  return stateWords[state] ?? state;
}

/** The same for viewers, to whom the reason makes no difference. */
export function viewerStateInWords(state: string): string {
  return state === 'failed' ? 'Offline' : stateInWords(state);
}

const screenWords: Readonly<Record<string, string>> = {
  idle: 'Stream is offline.',
  starting: 'Stream is starting.',
  live: 'Connecting to the stream.',
  recovering: 'Stream was interrupted. Reconnecting.',
  failed: 'Stream is offline.',
};

/** The text that viewers see in place of the video. */
export function waitingInWords(state: string): string {
  return screenWords[state] ?? 'Stream is offline.';
}

/** The number of live streams. */
export function summaryInWords(streams: readonly { readonly state: string }[]): string {
  const live = streams.filter(({ state }) => state === 'live').length;
  return streams.length === 0 ? '' : `${live} of ${streams.length} live`;
}

/** The number of viewers: empty if there are none, or if the node does not count them. */
export function viewersInWords({ viewers }: Pick<ShownStream, 'name' | 'viewers'>): string {
  if (viewers === undefined || viewers === null || viewers < 1) return '';
  return viewers === 1 ? '1 viewer' : `${viewers.toLocaleString('en')} viewers`;
}

const sourceWords: Readonly<Record<string, string>> = {
  test: 'Test pattern',
  file: 'File',
  http: 'HTTP',
  https: 'HTTPS',
  hls: 'HLS',
  rtsp: 'RTSP',
  rtsps: 'RTSPS',
  rtmp: 'RTMP',
  push: 'RTMP publisher',
  srt: 'SRT',
};

/** The kind of a source. */
function sourceInWords(kind: string): string {
  return sourceWords[kind] ?? kind;
}

/** A bitrate in bits per second. */
export function bitrateInWords(bitsPerSecond: number): string {
  return bitsPerSecond >= 1e6
    ? `${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s`
    : `${Math.round(bitsPerSecond / 1e3)} kbit/s`;
}

/** The technical facts of a stream, as label and text; unknown ones are left out. */
export function factsInWords(stream: ShownStream): readonly (readonly [label: string, text: string])[] {
  const { resolution, frameRate, bandwidth, codecs } = stream.hls;
  const facts: [string, string | null][] = [
    ['Source', sourceInWords(stream.source.kind)],
    ['Resolution', resolution === null ? null : resolution.replace('x', ' × ')],
    ['Frame rate', frameRate === null ? null : `${Number(frameRate.toFixed(2))} fps`],
    ['Peak bitrate', bandwidth === null ? null : bitrateInWords(bandwidth)],
    ['Codecs', codecs === null ? null : codecs.replaceAll(',', ', ')],
  ];
  return facts.flatMap(([label, text]) => (text === null ? [] : [[label, text] as const]));
}

/** The part of a stream's description that the pages read. */
export interface ShownStream {
  readonly name: string;
  readonly state: string;
  readonly reason: { readonly message: string } | null;
  readonly source: { readonly kind: string };
  /** Missing or null if the node does not count them. */
  readonly viewers?: number | null;
  /** Missing or null without WebRTC. */
  readonly webrtc?: { readonly state: string } | null;
  readonly hls: {
    readonly resolution: string | null;
    readonly frameRate: number | null;
    readonly bandwidth: number | null;
    readonly codecs: string | null;
  };
}
