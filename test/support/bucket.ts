import { setTimeout as delay } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import type { Config, ConfigInput } from '../../src/config/schema/schema.js';
import type { TestNode } from './node.js';
import { createPlaylistChecker } from './playlist-check.js';
import { type S3Server, type S3ServerOptions, startS3Server } from './s3/server.js';

type S3Input = NonNullable<NonNullable<ConfigInput['storage']>['s3']>;

/** A test S3 server with a bucket that anyone may read, and what `storage.s3` must say to write there. */
export interface TestBucket {
  readonly server: S3Server;
  readonly s3: S3Input;
  /** The text of an object; undefined when there is none. The prefix is put before the key. */
  text(key: string): string | undefined;
  /** All keys, without the prefix. */
  keys(): string[];
}

const prefix = 'site/';

export async function startBucket(options: S3ServerOptions = {}): Promise<TestBucket> {
  const server = await startS3Server({ ...options, settings: { publicRead: true, ...options.settings } });
  onTestFinished(() => server.close());
  const { endpoint, region, credentials } = server;
  const objects = server.objects('live');
  return {
    server,
    s3: {
      ...credentials,
      endpoint,
      region,
      bucket: 'live',
      prefix,
      publicUrl: `${endpoint}/live/${prefix.slice(0, -1)}`,
    },
    text: (key) => objects.get(prefix + key)?.body.toString(),
    keys: () => [...objects.keys()].filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length)),
  };
}

export interface Observed {
  /** Empty: at no moment was there a playlist on the store that is wrong or lists what cannot be read. */
  readonly problems: string[];
  /**
   * Playlists from which segments were removed although what is left is too short by RFC 8216bis 6.2.2. The first one after
   * a change of the writer or the store can be: it lists what has arrived by then.
   */
  readonly short: string[];
  /** Playlists written. */
  readonly playlists: number;
  /** The sessions of the newest segment listed, in the order of their appearance; one that comes back is there twice. */
  readonly sessions: readonly string[];
  /** Entries of the newest playlist that are gaps. */
  readonly gaps: number;
}

/** Looks at a stream's media playlist after every single change of the bucket: what a player could see at any moment. */
export function observePlaylist(
  { server }: TestBucket,
  { stream = 'cam', rendition = 'source', neverEnds = false } = {},
): Observed {
  const key = `${prefix}${stream}/${rendition}/index.m3u8`;
  const checker = createPlaylistChecker({ mayReopen: true });
  const found = { problems: [] as string[], short: [] as string[], playlists: 0, sessions: [] as string[], gaps: 0 };
  server.observe((commit) => {
    const text = commit.items.get(key)?.body.toString();
    if (text === undefined) {
      if (neverEnds && found.playlists > 0)
        found.problems.push(`the playlist is gone after ${commit.type} ${commit.key}`);
      return;
    }
    if (commit.key === key) {
      found.playlists += 1;
      try {
        checker.check(text);
      } catch (error) {
        const kind = String(error).includes('shorter than three target durations') ? found.short : found.problems;
        kind.push(`${String(error)}\n${text}`);
      }
    }
    if (neverEnds && text.includes('#EXT-X-ENDLIST')) found.problems.push(`the stream has ended\n${text}`);
    for (const [, init] of text.matchAll(/^#EXT-X-MAP:URI="([^"]+)"$/gm)) {
      if (!commit.items.has(key.replace('index.m3u8', init!))) found.problems.push(`${init} is needed and not there`);
    }
    const { files, gaps } = listedFiles(text);
    found.gaps = gaps;
    const session = files.at(-1)?.split('-')[0];
    if (session !== undefined && found.sessions.at(-1) !== session && commit.key === key) found.sessions.push(session);
    for (const file of files) {
      if (!commit.items.has(key.replace('index.m3u8', file))) found.problems.push(`${file} is listed and not there`);
    }
  });
  return found;
}

/** The segments of a media playlist that are no gaps. */
export function listedFiles(playlist: string): { files: string[]; gaps: number } {
  const lines = playlist.split('\n');
  const gaps = lines.filter((line) => line === '#EXT-X-GAP').length;
  let gap = false;
  const files: string[] = [];
  for (const line of lines) {
    if (line === '#EXT-X-GAP') gap = true;
    else if (line !== '' && !line.startsWith('#')) {
      if (!gap) files.push(line);
      gap = false;
    }
  }
  return { files, gaps };
}

/** One stream of the moving test picture with short segments. */
export const cam = {
  name: 'cam',
  source: 'test',
  hls: { segmentSeconds: 1, windowSegments: 4 },
  thumbnail: { intervalSeconds: 1, width: 160, staleAfterSeconds: 5 },
} satisfies Config['streams'][number] | Record<string, unknown>;

/** Looks at what the node itself serves, again and again from the first picture on, until stopped. */
export function watchLocally({ text, bytes }: TestNode): {
  stop(): Promise<{ polls: number; problems: readonly string[] }>;
} {
  const checker = createPlaylistChecker();
  const problems = new Set<string>();
  let polls = 0;
  let stopped = false;
  const watching = (async () => {
    while (!stopped) {
      const playlist = await text('/live/cam/source/index.m3u8');
      const thumbnail = await bytes('/live/cam/thumbnail.jpg');
      const state = thumbnail.headers.get('sidepipe-image-state');
      await delay(20);
      if (polls === 0 && state !== 'fresh') continue;
      if (state !== 'fresh') problems.add(`the thumbnail is ${state}`);
      try {
        const newest = checker.check(playlist.body).entries.at(-1);
        const { status } = await bytes(`/live/cam/source/${newest?.uri}`);
        if (status !== 200) problems.add(`${newest?.uri} answers ${status}`);
      } catch (error) {
        problems.add(String(error));
      }
      polls += 1;
    }
  })();
  const stop = async () => {
    stopped = true;
    await watching;
    return { polls, problems: [...problems] };
  };
  // The node, which was there before, is closed after this.
  onTestFinished(async () => void (await stop()));
  return { stop };
}
