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
  readonly segments: readonly Uint8Array[];
  readonly pictures: readonly Uint8Array[];
}

export async function makeMedia(seconds: number): Promise<TestMedia> {
  const folder = await mkdtemp(join(tmpdir(), 'sidepipe-browser-'));
  try {
    const source = ['-f', 'lavfi', '-i', `testsrc2=size=640x360:rate=10:duration=${seconds}`];
    const codec = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '10', '-pix_fmt', 'yuv420p'];
    const hls = [
      '-f',
      'hls',
      '-hls_time',
      '1',
      '-hls_list_size',
      '0',
      '-hls_segment_filename',
      join(folder, '%03d.ts'),
    ];
    const stills = ['-map', '0:v', '-vf', 'fps=1', '-frames:v', '4', join(folder, '%d.jpg')];
    await run(ffmpeg.path, ['-v', 'error', ...source, ...codec, ...hls, join(folder, 'x.m3u8'), ...stills]);
    const names = (await readdir(folder)).sort();
    const read = (ending: string) =>
      Promise.all(names.filter((name) => name.endsWith(ending)).map((name) => readFile(join(folder, name))));
    return { segments: await read('.ts'), pictures: await read('.jpg') };
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
    this.stream.hlsFacts.codecs = 'avc1.42c01e';
    this.#media = media;
    this.capture();
  }

  start(): void {
    this.stream.state = 'live';
    this.stream.reason = null;
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

  #add(): void {
    const { segments } = this.#media;
    // Back at the first segment the timestamps jump.
    const discontinuity = this.#breakBefore || (this.#next > 0 && this.#next % segments.length === 0);
    this.#breakBefore = false;
    const body = segments[this.#next % segments.length] as Uint8Array;
    this.stream.media.set(`source/s-${this.#next}.ts`, mediaOf(body));
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
      `s-${sequence}.ts`,
    ]);
    const head = ['#EXTM3U', '#EXT-X-VERSION:3', '#EXT-X-TARGETDURATION:1'];
    const numbers = [
      `#EXT-X-MEDIA-SEQUENCE:${this.#listed[0]?.sequence ?? 0}`,
      `#EXT-X-DISCONTINUITY-SEQUENCE:${this.#discontinuitySequence}`,
    ];
    this.stream.playlists.set('source', playlistOf([...head, ...numbers, ...lines, ''].join('\n')));
    this.stream.multivariant = playlistOf('#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=840000\nsource/index.m3u8\n');
  }
}

/** A real server with the real pages over fake streams. */
export async function serve(...streams: FakeStream[]): Promise<{ url: string; close(): Promise<void> }> {
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const metrics = { contentType: 'text/plain', render: async () => '' };
  const app = createApp({ streams: fakeDirectory(...streams), metrics, version: '0.1.0', log });
  const server = createHttpServer({ fetch: (request) => app.fetch(request), host: '127.0.0.1', port: 0, log });
  const { port } = await server.start();
  return { url: `http://127.0.0.1:${port}`, close: () => server.close() };
}
