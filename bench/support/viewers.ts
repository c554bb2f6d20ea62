import { fork } from 'node:child_process';
import { once, setMaxListeners } from 'node:events';
import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** What viewers saw. */
interface Views {
  /** Milliseconds from a request to the last byte of its answer. */
  readonly playlistMs: readonly number[];
  readonly segmentMs: readonly number[];
  /** Answers other than 200, and broken connections. */
  readonly failures: number;
}

/** Players that cost next to nothing: they fetch what players fetch, when they fetch it, and look at none of it. */
export interface Viewers {
  /** All have come: what is counted begins now. */
  begin(): void;
  /** Ends all and gives the rest of their requests up. */
  close(): Promise<Views>;
}

export interface ViewersOptions {
  /** Of the multivariant playlist. */
  readonly url: string;
  readonly count: number;
  readonly segmentSeconds: number;
}

/** Viewers in a process of their own: what they cost must not hold up whoever measures beside them. */
export function startViewers(options: ViewersOptions): Viewers {
  const child = fork(fileURLToPath(import.meta.url), [JSON.stringify(options)]);
  const kill = () => void child.kill('SIGKILL');
  process.once('exit', kill);
  return {
    begin: () => void child.send('begin'),
    async close() {
      const views = once(child, 'message', { signal: AbortSignal.timeout(30_000) });
      child.send('close');
      const [seen] = (await views) as [Views];
      process.off('exit', kill);
      child.disconnect();
      await once(child, 'exit');
      return seen;
    },
  };
}

if (process.send !== undefined && process.argv[1] === fileURLToPath(import.meta.url)) {
  const viewers = view(JSON.parse(process.argv[2]!) as ViewersOptions);
  process.on('message', (message) => {
    if (message === 'begin') viewers.begin();
    else void viewers.close().then((views) => process.send!(views));
  });
}

/** They join spread over one segment's duration, as people do, each over connections of its own. */
function view({ url, count, segmentSeconds }: ViewersOptions): Viewers {
  const ending = new AbortController();
  setMaxListeners(0, ending.signal);
  const playlistMs: number[] = [];
  const segmentMs: number[] = [];
  let failed = 0;
  const fetched = async (agent: Agent, target: string, times: number[]): Promise<string> => {
    const startedAt = performance.now();
    try {
      const text = await get(agent, target, ending.signal);
      times.push(performance.now() - startedAt);
      return text;
    } catch {
      if (!ending.signal.aborted) failed += 1;
      return '';
    }
  };
  const one = async (index: number): Promise<void> => {
    const agent = new Agent({ keepAlive: true, maxSockets: 2 });
    const pause = (seconds: number) => delay(seconds * 1000, undefined, { signal: ending.signal }).catch(() => {});
    await pause((segmentSeconds * index) / count);
    const multivariant = await fetched(agent, url, playlistMs);
    const media = multivariant.split('\n').find((line) => line !== '' && !line.startsWith('#'));
    let last: string | undefined;
    while (!ending.signal.aborted && media !== undefined) {
      const playlistUrl = new URL(media, url);
      const lines = (await fetched(agent, playlistUrl.href, playlistMs)).split('\n');
      const segments = lines.filter((line) => line !== '' && !line.startsWith('#'));
      // As a player that has just come: the last three, then what is new.
      const news = segments.slice(last === undefined ? -3 : segments.indexOf(last) + 1);
      for (const segment of news) await fetched(agent, new URL(segment, playlistUrl).href, segmentMs);
      last = segments.at(-1) ?? last;
      // RFC 8216bis 6.3.4: a playlist that has not changed is asked for again after half the target duration.
      await pause(news.length > 0 ? segmentSeconds : segmentSeconds / 2);
    }
    agent.destroy();
  };
  const all = Promise.all(Array.from({ length: count }, (_, index) => one(index)));
  return {
    begin() {
      playlistMs.length = 0;
      segmentMs.length = 0;
    },
    async close() {
      ending.abort();
      await all;
      return { playlistMs, segmentMs, failures: failed };
    },
  };
}

/** The text of a playlist; of media only that it has come whole. */
function get(agent: Agent, url: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { agent, signal }, (response) => {
      const isText = response.headers['content-type']?.includes('mpegurl') === true;
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => isText && pieces.push(piece));
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve(Buffer.concat(pieces).toString());
        else reject(new Error(`status ${response.statusCode}`));
      });
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}
