import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import ffmpeg from '@ffmpeg-installer/ffmpeg';
import { type AppOptions, createApp } from '../../src/http/app.js';
import { createHttpServer } from '../../src/http/server.js';
import { FakeStream, fakeDirectory, mediaOf, pictureOf, playlistOf } from '../support/fake-streams.js';

const run = promisify(execFile);

export interface MediaOptions {
  readonly container?: 'mpegts' | 'fmp4';
  readonly size?: string;
  /** A source of ffmpeg's libavfilter. */
  readonly picture?: string;
}

/** Media made by the embedded ffmpeg: one segment a second, and a few pictures. */
export interface TestMedia {
  /** The initialization segment of fMP4. */
  readonly init: Uint8Array | undefined;
  readonly segments: readonly Uint8Array[];
  readonly pictures: readonly Uint8Array[];
}

export async function makeMedia(
  seconds: number,
  { container = 'mpegts', size = '640x360', picture = 'testsrc2' }: MediaOptions = {},
): Promise<TestMedia> {
  const folder = await mkdtemp(join(tmpdir(), 'sidepipe-browser-'));
  try {
    const video = ['-f', 'lavfi', '-t', String(seconds), '-i', `${picture}=size=${size}:rate=10`];
    const audio = ['-f', 'lavfi', '-i', `sine=duration=${seconds}`];
    const codecs = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '10', '-pix_fmt', 'yuv420p', '-c:a', 'aac'];
    const ending = container === 'mpegts' ? '.ts' : '.m4s';
    const names = ['-hls_segment_filename', join(folder, `%03d${ending}`), join(folder, 'x.m3u8')];
    const hls = ['-f', 'hls', '-hls_time', '1', '-hls_list_size', '0', '-hls_segment_type', container, ...names];
    const stills = ['-map', '0:v', '-vf', 'fps=1', '-frames:v', '4', join(folder, '%d.jpg')];
    await run(ffmpeg.path, ['-v', 'error', ...video, ...audio, ...codecs, ...hls, ...stills]);
    const files = (await readdir(folder)).sort();
    const read = (end: string) =>
      Promise.all(files.filter((name) => name.endsWith(end)).map((name) => readFile(join(folder, name))));
    // The last one may be a remainder without sound, which players cannot begin with.
    const segments = (await read(ending)).slice(0, -1);
    return { segments, pictures: await read('.jpg'), init: (await read('init.mp4'))[0] };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const windowSegments = 20;

/** A fake stream that plays test media as a live window, by the clock. */
export class LiveFixture {
  readonly stream: FakeStream;
  /** By the name of the rendition; the first one's pictures are the stream's. */
  readonly #renditions: ReadonlyMap<string, TestMedia>;
  readonly #media: TestMedia;
  readonly #listed: { sequence: number; discontinuity: boolean }[] = [];
  #next = 0;
  /** As large as the node's own. */
  #discontinuitySequence = 170_140;
  #breakBefore = false;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** `media`: of one rendition, or of several by `{width}x{height}`, all of the same length. */
  constructor(name: string, media: TestMedia | Readonly<Record<string, TestMedia>>) {
    this.stream = new FakeStream(name);
    this.#renditions = new Map('segments' in media ? [['source', media as TestMedia]] : Object.entries(media));
    this.stream.renditions = [...this.#renditions.keys()];
    this.stream.hlsFacts.resolution = '640x360';
    this.stream.hlsFacts.frameRate = 10;
    this.stream.hlsFacts.bandwidth = 840_000;
    this.stream.hlsFacts.codecs = 'avc1.42c01e,mp4a.40.2';
    this.#media = [...this.#renditions.values()][0] as TestMedia;
    this.capture();
  }

  start(): void {
    this.stream.state = 'live';
    this.stream.reason = null;
    if (this.#media.init) this.stream.media.set('source/s-init.mp4', mediaOf(this.#media.init, 'video/mp4'));
    for (let count = 0; count < windowSegments; count++) this.#add();
    this.#timer = setInterval(() => {
      this.#add();
      this.capture();
    }, 1000);
  }

  /** The source goes quiet: the window stands still. */
  goOffline(): void {
    clearInterval(this.#timer);
    this.stream.state = 'recovering';
    this.stream.reason = { code: 'source-unavailable', message: 'The camera does not answer.' };
    this.#breakBefore = true;
  }

  /** A new picture, taken now. */
  capture(): void {
    const picture = this.#media.pictures[this.#next % this.#media.pictures.length] as Uint8Array;
    this.stream.pictures.set(
      'jpg',
      pictureOf(picture, { maxAgeSeconds: 1, etag: `"${this.stream.name}-${this.#next}"` }),
    );
  }

  close(): void {
    clearInterval(this.#timer);
  }

  get #ending(): string {
    return this.#media.init ? '.m4s' : '.ts';
  }

  #add(): void {
    const { segments } = this.#media;
    // Back at the first segment the timestamps jump.
    const discontinuity = this.#breakBefore || (this.#next > 0 && this.#next % segments.length === 0);
    this.#breakBefore = false;
    for (const [rendition, { segments: bodies }] of this.#renditions) {
      const body = bodies[this.#next % segments.length] as Uint8Array;
      const type = this.#media.init ? 'video/iso.segment' : 'video/mp2t';
      this.stream.media.set(`${rendition}/s-${this.#next}${this.#ending}`, mediaOf(body, type));
    }
    this.#listed.push({ sequence: this.#next++, discontinuity });
    while (this.#listed.length > windowSegments) {
      const gone = this.#listed.shift();
      if (gone?.discontinuity) this.#discontinuitySequence++;
    }
    this.#publish();
  }

  #publish(): void {
    const lines = this.#listed.flatMap(({ sequence, discontinuity }) => [
      ...(discontinuity ? ['#EXT-X-DISCONTINUITY'] : []),
      '#EXTINF:1.0,',
      `s-${sequence}${this.#ending}`,
    ]);
    const head = ['#EXTM3U', '#EXT-X-VERSION:6', '#EXT-X-TARGETDURATION:1'];
    const numbers = [
      `#EXT-X-MEDIA-SEQUENCE:${this.#listed[0]?.sequence ?? 0}`,
      `#EXT-X-DISCONTINUITY-SEQUENCE:${this.#discontinuitySequence}`,
    ];
    const init = this.#media.init ? ['#EXT-X-MAP:URI="s-init.mp4"'] : [];
    const playlist = playlistOf([...head, ...numbers, ...init, ...lines, ''].join('\n'));
    for (const rendition of this.#renditions.keys()) this.stream.playlists.set(rendition, playlist);
    this.stream.multivariant = playlistOf(['#EXTM3U', ...this.#variants(), ''].join('\n'));
  }

  #variants(): string[] {
    return [...this.#renditions.keys()].flatMap((rendition) => {
      const [width, height] = rendition.split('x').map(Number);
      const size = height === undefined ? '' : `,RESOLUTION=${rendition}`;
      const bandwidth = height === undefined ? 840_000 : (width ?? 0) * 1500;
      const codecs = 'CODECS="avc1.42c01e,mp4a.40.2"';
      return [`#EXT-X-STREAM-INF:BANDWIDTH=${bandwidth},${codecs}${size}`, `${rendition}/index.m3u8`];
    });
  }
}

export interface TestServer {
  readonly url: string;
  /** Those that are served: to be added to and taken from. */
  readonly streams: FakeStream[];
  close(): Promise<void>;
}

/** A real server with the real pages over fake streams. */
export async function serve(...streams: FakeStream[]): Promise<TestServer> {
  return serveWith({}, ...streams);
}

export async function serveWith(options: Partial<AppOptions>, ...streams: FakeStream[]): Promise<TestServer> {
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const metrics = { render: async () => ({ contentType: 'text/plain', body: '' }) };
  const app = createApp({ streams: fakeDirectory(streams), metrics, version: '0.1.0', log, ...options });
  const server = createHttpServer({ fetch: app.fetch, host: '127.0.0.1', port: 0, log });
  const { port } = await server.start();
  return { url: `http://127.0.0.1:${port}`, streams, close: () => server.close() };
}
