/** Where a hostile source tries to lead an ffmpeg, and every place of a playlist in which it can say so. */

export interface Canary {
  /** A port on 127.0.0.1 where nobody may connect. */
  readonly port: number;
  /** A port on which nobody may begin to listen. */
  readonly listenPort: number;
  /** A file that nobody may read. */
  readonly file: string;
}

/** URIs that are not HTTP, in the spellings that a version of ffmpeg reads as another protocol, or HTTP to loopback. */
export function urisElsewhere({ port, listenPort, file }: Canary): readonly string[] {
  const at = `127.0.0.1:${port}`;
  return [
    // What ffmpeg connects with by itself.
    ...[
      `tcp://${at}/`,
      `tcp://${at}?timeout=1000000`,
      `TCP://${at}/`,
      `tls://${at}/`,
      `httpproxy://${at}/x`,
      `https://${at}/a.ts`,
    ],
    ...[`rtmp://${at}/a/b`, `rtmpt://${at}/a/b`, `rtmps://${at}/a/b`, `rtsp://${at}/1`, `srt://${at}`, `rtp://${at}`],
    ...[
      `udp://${at}`,
      `ftp://${at}/x`,
      `gopher://${at}/x`,
      `mmsh://${at}/x`,
      `icecast://${at}/x`,
      `unix:/proc/self/root/tmp`,
    ],
    // What ffmpeg listens with.
    ...[`tcp://127.0.0.1:${listenPort}?listen`, `tcp://0.0.0.0:${listenPort}?listen=1&listen_timeout=2000`],
    ...[`udp://127.0.0.1:${listenPort}?localport=${listenPort}`, `rtmp://127.0.0.1:${listenPort}/a?listen=1`],
    // What contains another.
    ...[
      `crypto+tcp://${at}/`,
      `crypto:tcp://${at}/`,
      `crypto+http://${at}/a.ts`,
      `async:tcp://${at}/`,
      `cache:tcp://${at}/`,
    ],
    ...[`concat:tcp://${at}/|tcp://${at}/`, `subfile,,start,0,end,0,,:tcp://${at}/`, `data:text/plain,tcp://${at}/`],
    // What is on this machine.
    ...[`file://${file}`, `file:${file}`, 'pipe:0', `C:${file.replaceAll('/', '\\')}`],
    // What is HTTP, to where the policy leads nobody.
    ...[`http://${at}/a.ts`, `http://2130706433:${port}/a.ts`, `//${at}/a.ts`],
  ];
}

export interface Position {
  readonly name: string;
  /** Players read it, and the node leaves it out of what ffmpeg is given. */
  readonly isLeftOut?: true;
  /** A playlist with the URI there. */
  readonly playlist: (uri: string) => string;
}

const media = (before: string, uri: string, after = '') =>
  `#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n${before}#EXTINF:4,\n${uri}\n${after}#EXT-X-ENDLIST\n`;
const multivariant = (tags: string, attributes = '') =>
  `#EXTM3U\n${tags}#EXT-X-STREAM-INF:BANDWIDTH=100000${attributes}\nmedia.m3u8\n`;

/** Every position that ffmpeg or any other player reads a URI in. */
export const positions: readonly Position[] = [
  { name: 'segment', playlist: (uri) => media('', uri) },
  { name: 'second segment', playlist: (uri) => media('', 'a.ts', `#EXTINF:4,\n${uri}\n`) },
  { name: 'segment with blanks', playlist: (uri) => media('', ` \t${uri} \t`) },
  { name: 'segment by CR alone', playlist: (uri) => media('', uri).replaceAll('\n', '\r') },
  { name: 'segment behind a zero byte', playlist: (uri) => media('', 'a.ts', `#EXTINF:4,\0${uri}\0`) },
  { name: 'segment in a byte range', playlist: (uri) => media('#EXT-X-BYTERANGE:188@0\n', uri) },
  { name: 'key', playlist: (uri) => media(`#EXT-X-KEY:METHOD=AES-128,URI="${uri}",IV=0x0\n`, 'a.ts') },
  { name: 'key without quotes', playlist: (uri) => media(`#EXT-X-KEY:METHOD=AES-128,URI=${uri}\n`, 'a.ts') },
  {
    name: 'key in a list with blanks',
    playlist: (uri) => media(`#EXT-X-KEY: METHOD=AES-128 , URI="${uri}" \n`, 'a.ts'),
  },
  { name: 'key of samples', playlist: (uri) => media(`#EXT-X-KEY:METHOD=SAMPLE-AES,URI="${uri}"\n`, 'a.ts') },
  { name: 'map', playlist: (uri) => media(`#EXT-X-MAP:URI="${uri}"\n`, 'a.ts') },
  { name: 'map in a byte range', playlist: (uri) => media(`#EXT-X-MAP:BYTERANGE="188@0",URI="${uri}"\n`, 'a.ts') },
  { name: 'part', isLeftOut: true, playlist: (uri) => media(`#EXT-X-PART:DURATION=1,URI="${uri}"\n`, 'a.ts') },
  {
    name: 'preload hint',
    isLeftOut: true,
    playlist: (uri) => media('', 'a.ts', `#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${uri}"\n`),
  },
  {
    name: 'rendition report',
    isLeftOut: true,
    playlist: (uri) => media('', 'a.ts', `#EXT-X-RENDITION-REPORT:URI="${uri}"\n`),
  },
  {
    name: 'date range',
    isLeftOut: true,
    playlist: (uri) => media(`#EXT-X-DATERANGE:ID="a",X-ASSET-URI="${uri}"\n`, 'a.ts'),
  },
  {
    name: 'title of a segment',
    isLeftOut: true,
    playlist: (uri) => media('', 'a.ts').replace('#EXTINF:4,', `#EXTINF:4,${uri}`),
  },
  {
    name: 'unknown tag',
    isLeftOut: true,
    playlist: (uri) => media(`#EXT-X-NEW:${uri}\n#EXT-X-NEW:A="${uri}"\n`, 'a.ts'),
  },
  { name: 'variant', playlist: (uri) => multivariant('').replace('media.m3u8', uri) },
  { name: 'second variant', playlist: (uri) => `${multivariant('')}#EXT-X-STREAM-INF:BANDWIDTH=1\n${uri}\n` },
  { name: 'variant without a tag', playlist: (uri) => `${multivariant('')}${uri}\n` },
  ...['AUDIO', 'VIDEO', 'SUBTITLES'].map((type) => ({
    name: `rendition of ${type}`,
    playlist: (uri: string) =>
      multivariant(`#EXT-X-MEDIA:TYPE=${type},GROUP-ID="g",NAME="n",URI="${uri}"\n`, `,${type}="g"`),
  })),
  {
    name: 'keyframe playlist',
    isLeftOut: true,
    playlist: (uri) => multivariant(`#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI="${uri}"\n`),
  },
  {
    name: 'session key',
    isLeftOut: true,
    playlist: (uri) => multivariant(`#EXT-X-SESSION-KEY:METHOD=AES-128,URI="${uri}"\n`),
  },
  {
    name: 'session data',
    isLeftOut: true,
    playlist: (uri) => multivariant(`#EXT-X-SESSION-DATA:DATA-ID="a",URI="${uri}"\n`),
  },
  {
    name: 'content steering',
    isLeftOut: true,
    playlist: (uri) => multivariant(`#EXT-X-CONTENT-STEERING:SERVER-URI="${uri}"\n`),
  },
  {
    name: 'name of a rendition',
    isLeftOut: true,
    playlist: (uri) => multivariant(`#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="g",NAME="${uri}"\n`),
  },
];
