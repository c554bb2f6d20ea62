import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createSegmentSink, type SegmentSink } from '../../src/hls/sink.js';
import { type Container, MediaWindow } from '../../src/hls/window.js';
import { createPlaylistChecker } from '../support/playlist-check.js';
import { makeClip, type Push, pushClip, runFfmpeg } from './pushing.js';

let sink: SegmentSink;
let clip: Buffer;
beforeAll(async () => {
  sink = createSegmentSink();
  await sink.start();
  clip = await makeClip({ seconds: 9 });
});
afterAll(() => sink.close());

/** Lists a push's segments in a window, each list checked. */
function list(window: MediaWindow, push: Push, container: Container, id: string, check: (text: string) => void): void {
  window.begin({ id, container });
  for (const { sequence, body, durationSeconds, init, discontinuity, completedAtMs } of push.ready) {
    const programDateTime = (window.playlist().entries.length + window.counters().totalSeconds) * 1000 + 1e12;
    const segment = { sessionId: id, sequence, body, durationSeconds, programDateTime, discontinuity };
    window.append(init === undefined ? segment : { ...segment, init }, completedAtMs);
    check(window.rendered()!.body);
  }
}

interface Played {
  readonly pictures: number;
  /** What ffmpeg complained of. */
  readonly words: string;
}

/** What a player that knows only the URL gets out of a window. */
async function playUrl(window: MediaWindow): Promise<Played> {
  const server = createServer((request, response) => {
    const file = (request.url ?? '').slice(1);
    const body = file === 'index.m3u8' ? window.rendered()?.body : window.resource(file)?.body;
    response.writeHead(body === undefined ? 404 : 200).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    return await decode(`http://127.0.0.1:${port}/index.m3u8`);
  } finally {
    server.close();
  }
}

/**
 * The same without HTTP, one run of listed segments after the other: the embedded ffmpeg's HLS reader fails on every
 * fMP4 playlist that it gets over HTTP, its own too.
 */
async function playRuns(window: MediaWindow): Promise<Played> {
  const runs: Uint8Array[][] = [];
  for (const { uri, initUri = '', discontinuity } of window.playlist().entries) {
    if (discontinuity || runs.length === 0) {
      runs.push([window.resource(initUri)!.body]);
    }
    runs.at(-1)?.push(window.resource(uri)!.body);
  }
  const played = await Promise.all(runs.map((run) => decode('pipe:0', Buffer.concat(run))));
  return {
    pictures: played.reduce((sum, { pictures }) => sum + pictures, 0),
    words: played.map(({ words }) => words).join(''),
  };
}

async function decode(source: string, input?: Uint8Array): Promise<Played> {
  const both = ['-map', '0:v', '-map', '0:a'];
  const { output, words } = await runFfmpeg(['-i', source, ...both, '-progress', 'pipe:1', '-f', 'null', '-'], input);
  const pictures = [...output.toString().matchAll(/^frame=\s*(\d+)$/gm)].at(-1)?.[1];
  return { pictures: Number(pictures), words };
}

describe.each<[Container, (window: MediaWindow) => Promise<Played>]>([
  ['mpegts', playUrl],
  ['fmp4', playRuns],
])('ffmpeg pushing %s', (container, play) => {
  it('comes out whole: every segment, every picture, and the end', async () => {
    const push = pushClip(sink, clip, container);
    await push.ended;
    expect(push.assembler.ended).toBe(true);
    expect(push.assembler.counters()).toMatchObject({ ready: 5, skipped: 0, discarded: 0, pendingBytes: 0 });
    expect(push.ready.map(({ durationSeconds }) => Math.round(durationSeconds * 100) / 100)).toEqual([2, 2, 2, 2, 1]);
    expect(push.ready.every(({ init }) => (init !== undefined) === (container === 'fmp4'))).toBe(true);

    const window = new MediaWindow({ windowSegments: 10, segmentSeconds: 2 });
    const checker = createPlaylistChecker();
    list(window, push, container, '0a0a0a0a', checker.check);
    window.end(Date.now());
    expect(checker.check(window.rendered()!.body)).toMatchObject({ ended: true, targetDurationSeconds: 2 });
    expect(await play(window)).toEqual({ pictures: 225, words: '' });
  });

  it('survives a kill in mid-segment: only whole segments, and the next run plays on', async () => {
    const killed = pushClip(sink, clip, container, true);
    // MPEG-TS comes while it is made, so there the kill hits half an object.
    await vi.waitUntil(() => killed.ready.length > 0 && (container === 'fmp4' || killed.bytesUnderWay() > 0), {
      timeout: 20_000,
    });
    killed.kill();
    await killed.ended;
    expect(killed.aborted()).toBe(container === 'fmp4' ? 0 : 1);
    expect(killed.assembler.ended).toBe(false);
    expect(killed.assembler.counters()).toMatchObject({ ready: 1, pendingBytes: 0 });

    const next = pushClip(sink, clip, container);
    await next.ended;
    const window = new MediaWindow({ windowSegments: 10, segmentSeconds: 2, mediaSequence: 1000 });
    const checker = createPlaylistChecker();
    list(window, killed, container, '0a0a0a0a', checker.check);
    list(window, next, container, '0b0b0b0b', checker.check);
    window.end(Date.now());
    const { entries } = checker.check(window.rendered()!.body);
    expect(entries.map((entry) => entry.discontinuityNumber)).toEqual([0, 1, 1, 1, 1, 1]);
    expect(await play(window)).toEqual({ pictures: 50 + 225, words: expect.any(String) });
  });
});
