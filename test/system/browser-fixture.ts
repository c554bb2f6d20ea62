import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import ffmpeg from '@ffmpeg-installer/ffmpeg';
import { createApp } from '../../src/http/app.js';
import { createHttpServer } from '../../src/http/server.js';
import { FakeStream, fakeDirectory, mediaOf, pictureOf, playlistOf } from '../support/fake-streams.js';

const run = promisify(execFile);

/** Media made by the embedded ffmpeg: one segment a second, and a few pictures. */
export interface TestMedia {
  /** The initialization segment of fMP4. */
  readonly init: Uint8Array | undefined;
  readonly segments: readonly Uint8Array[];
  readonly pictures: readonly Uint8Array[];
}

export async function makeMedia(seconds: number, container: 'mpegts' | 'fmp4' = 'mpegts'): Promise<TestMedia> {
  const folder = await mkdtemp(join(tmpdir(), 'sidepipe-browser-'));
  try {
    const video = ['-f', 'lavfi', '-i', `testsrc2=size=640x360:rate=10:duration=${seconds}`];
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
    return { segments: await read(ending), pictures: await read('.jpg'), init: (await read('init.mp4'))[0] };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const windowSegments = 5;

/** A fake stream that plays test media as a live window, by the clock. */
export class LiveFixture {
  readonly stream: FakeStream;
  readonly #media: TestMedia;
  readonly #listed: { sequence: number; discontinuity: boolean }[] = [];
  #next = 0;
  #discontinuitySequence = 0;
  #breakBefore = false;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(name: string, media: TestMedia) {
    this.stream = new FakeStream(name);
    this.stream.hlsFacts.resolution = '640x360';
    this.stream.hlsFacts.frameRate = 10;
    this.stream.hlsFacts.bandwidth = 840_000;
    this.stream.hlsFacts.codecs = 'avc1.42c01e,mp4a.40.2';
    this.#media = media;
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
    const body = segments[this.#next % segments.length] as Uint8Array;
    this.stream.media.set(
      `source/s-${this.#next}${this.#ending}`,
      mediaOf(body, this.#media.init ? 'video/iso.segment' : 'video/mp2t'),
    );
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
    this.stream.playlists.set('source', playlistOf([...head, ...numbers, ...init, ...lines, ''].join('\n')));
    this.stream.multivariant = playlistOf('#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=840000\nsource/index.m3u8\n');
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
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const metrics = { render: async () => ({ contentType: 'text/plain', body: '' }) };
  const app = createApp({ streams: fakeDirectory(streams), metrics, version: '0.1.0', log });
  const server = createHttpServer({ fetch: (request) => app.fetch(request), host: '127.0.0.1', port: 0, log });
  const { port } = await server.start();
  return { url: `http://127.0.0.1:${port}`, streams, close: () => server.close() };
}
