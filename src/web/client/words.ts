/** Words for people, the same on the server and in the browser. Pure. */

/** An age in the largest unit that still tells something: `now`, `3 s`, `2 min`, `5 h`, `2 days`. */
export function ageInWords(seconds: number): string {
  if (seconds < 1) return 'now';
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 2 * 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} days`;
}

/** What stands on a picture: how old it is, and whether to trust it. Without an age there never was a picture. */
export function pictureInWords(state: string, ageSeconds: number | undefined): string {
  if (ageSeconds === undefined) return 'No picture yet';
  const age = ageInWords(ageSeconds);
  if (state === 'fresh') return age === 'now' ? 'Now' : `${age} ago`;
  return state === 'stale' ? `Old picture, ${age} ago` : `Last picture ${age} ago`;
}

/** How far behind live a player is: `1.2 s behind live`, from ten seconds on without tenths. */
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

/** A stream's state in a word, for operators. */
export function stateInWords(state: string): string {
  return stateWords[state] ?? state;
}

/** The same for viewers: to them it makes no difference why there is nothing to see. */
export function viewerStateInWords(state: string): string {
  return state === 'failed' ? 'Offline' : stateInWords(state);
}

const screenWords: Readonly<Record<string, string>> = {
  idle: 'Nobody is sending this stream at the moment.',
  starting: 'The stream is starting.',
  live: 'Connecting to the stream.',
  recovering: 'The stream was interrupted and should be back soon.',
  failed: 'The stream is offline.',
};

/** What a viewer reads in place of the moving picture. */
export function waitingInWords(state: string): string {
  return screenWords[state] ?? 'The stream is not there at the moment.';
}

/** How many of the streams are live. */
export function summaryInWords(streams: readonly { readonly state: string }[]): string {
  const live = streams.filter(({ state }) => state === 'live').length;
  return streams.length === 0 ? '' : `${live} of ${streams.length} live`;
}

/** How many watch: nothing where the node does not count, and while nobody does. */
export function viewersInWords({ viewers }: Pick<ShownStream, 'name' | 'viewers'>): string {
  if (viewers === undefined || viewers === null || viewers < 1) return '';
  return viewers === 1 ? '1 viewer' : `${viewers.toLocaleString('en')} viewers`;
}

const sourceWords: Readonly<Record<string, string>> = {
  test: 'Test picture',
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

/** The kind of a source, for people. */
function sourceInWords(kind: string): string {
  return sourceWords[kind] ?? kind;
}

/** Bits a second, for people. */
export function bitrateInWords(bitsPerSecond: number): string {
  return bitsPerSecond >= 1e6
    ? `${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s`
    : `${Math.round(bitsPerSecond / 1e3)} kbit/s`;
}

/** The technical facts of a stream, as label and text; what is not known yet is left out. */
export function factsInWords(stream: ShownStream): readonly (readonly [label: string, text: string])[] {
  const { resolution, frameRate, bandwidth, codecs } = stream.hls;
  const facts: [string, string | null][] = [
    ['Source', sourceInWords(stream.source.kind)],
    ['Picture size', resolution === null ? null : resolution.replace('x', ' × ')],
    ['Frame rate', frameRate === null ? null : `${Number(frameRate.toFixed(2))} fps`],
    ['Peak bit rate', bandwidth === null ? null : bitrateInWords(bandwidth)],
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
  /** Where the node counts them. */
  readonly viewers?: number | null;
  readonly hls: {
    readonly resolution: string | null;
    readonly frameRate: number | null;
    readonly bandwidth: number | null;
    readonly codecs: string | null;
  };
}
