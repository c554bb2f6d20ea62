import { beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/clip.js';
import { readClockPicture } from '../support/clock-picture.js';
import { startHttpSource } from '../support/http-source.js';
import { startNode, type TestNode } from '../support/node.js';
import { createPlaylistChecker } from '../support/playlist-check.js';
import { SCRIPT_RATE, type ScriptedStream, type ScriptPart, scriptStream } from '../support/scripted-stream.js';
import { until } from '../support/wait.js';

/** Where the 33 bits of a transport stream's timestamps come to their end, in seconds: 26.5 hours. */
const WRAP = 2 ** 33 / 90_000;
/** Half the smallest jump of these tests: a jump that is not noticed is off by more, a picture that a busy machine passes on late is not. */
const CAPTURE_ERROR_MS = 2000;

let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder();
});

interface Story {
  readonly node: TestNode;
  readonly script: ScriptedStream;
  /** Every playlist so far was right by itself and after the one before. */
  readonly newest: () => Promise<{ sequence: number; discontinuityNumber: number; behindMs: number }>;
  /** What the API said of the stream, each change once: `state: reason`. */
  readonly said: readonly string[];
  /** How far capture times were from the truth, by the number of the picture. */
  readonly errors: ReadonlyMap<number, number>;
  /** Looks on until the part has begun and this many segments and fresh pictures of it have come. */
  during(part: number, segments: number): Promise<void>;
}

/** A node with a stream of a scripted encoder, watched all the time. */
async function tell(name: string, parts: readonly ScriptPart[], more: object = {}): Promise<Story> {
  const script = await scriptStream(folder, name, parts);
  const source = await startHttpSource({ routes: { '/live.ts': script.route } });
  const node = await startNode({
    ffmpeg: { stallTimeoutSeconds: 3, startTimeoutSeconds: 20 },
    streams: [
      {
        name: 'cam',
        source: `${source.url}/live.ts`,
        hls: { segmentSeconds: 1, windowSegments: 8 },
        thumbnail: { intervalSeconds: 1, width: 320, quality: 95 },
        ...more,
      },
    ],
  });
  const checker = createPlaylistChecker();
  const said: string[] = [];
  const errors = new Map<number, number>();
  const newest: Story['newest'] = async () => {
    const { status, body } = await node.text('/live/cam/source/index.m3u8');
    if (status !== 200) return { sequence: 0, discontinuityNumber: 0, behindMs: 0 };
    const { sequence, discontinuityNumber, dateMs, durationSeconds } = checker.check(body).entries.at(-1)!;
    return { sequence, discontinuityNumber, behindMs: Date.now() - dateMs - durationSeconds * 1000 };
  };
  const look = async () => {
    const { state, reason } = await node.stream('cam');
    const words = reason === null ? state : `${state}: ${reason.message}`;
    if (said.at(-1) !== words) said.push(words);
    const { headers, body, status } = await node.bytes('/live/cam/thumbnail.jpg');
    expect(status).toBe(200);
    const at = headers.get('sidepipe-captured-at');
    if (headers.get('sidepipe-image-state') !== 'fresh' || at === null) return newest();
    const frame = await readClockPicture(body);
    errors.set(frame, Date.parse(at) - script.takenAt(frame));
    return newest();
  };
  const during: Story['during'] = async (part, segments) => {
    let first: number | undefined;
    const pictures = new Set(errors.keys());
    await until(
      `${segments} segments of part ${part}`,
      async () => {
        const { sequence } = await look();
        if (script.part < part) return false;
        first ??= sequence;
        const news = [...errors.keys()].filter((frame) => !pictures.has(frame)).length;
        return sequence >= first + segments && news >= segments / 2;
      },
      { timeoutMs: 60_000, intervalMs: 50 },
    );
  };
  return { node, script, newest, said, errors, during };
}

/** `except`: of pictures that say nothing true of themselves, from this number up to that. */
function expectTrueTimes({ errors }: Story, except: readonly [number, number] = [0, 0]): void {
  const told = [...errors].filter(([frame]) => frame < except[0] || frame >= except[1]);
  const wrong = told.filter(([, errorMs]) => Math.abs(errorMs) > CAPTURE_ERROR_MS);
  expect(wrong).toEqual([]);
}

describe('timestamps of an HTTP source', () => {
  it.each<[string, readonly ScriptPart[]]>([
    ['that jump hours forward', [{ seconds: 5 }, { seconds: 30, at: 10_000 }]],
    [
      'that jump hours back',
      [
        { seconds: 5, at: 10_000 },
        { seconds: 30, at: 5 },
      ],
    ],
    ['that jump some seconds forward', [{ seconds: 5 }, { seconds: 30, at: 11 }]],
    [
      'that jump some seconds back',
      [
        { seconds: 5, at: 20 },
        { seconds: 30, at: 21 },
      ],
    ],
    [
      'that come to the end of their 33 bits',
      [
        { seconds: 5, at: WRAP - 5 },
        { seconds: 30, at: WRAP },
      ],
    ],
  ])('%s cost nothing', async (words, parts) => {
    const story = await tell(words.replaceAll(' ', '-'), parts);
    await story.during(0, 2);
    await story.during(1, 6);
    expect(story.said.filter((each) => each !== 'starting')).toEqual(['live']);
    expect((await story.node.stream('cam')).ffmpeg.restarts).toBe(0);
    expectTrueTimes(story);
  });

  it('that jump hours back cost nothing where every picture is decoded', async () => {
    const parts = [
      { seconds: 5, at: 10_000 },
      { seconds: 30, at: 5 },
    ];
    const story = await tell('back-all', parts, { monitor: { width: 160 } });
    await story.during(0, 2);
    await story.during(1, 6);
    expect((await story.node.stream('cam')).ffmpeg.restarts).toBe(0);
    expectTrueTimes(story);
  });

  it('that stand still are told of, and go on with a discontinuity', async () => {
    const story = await tell('frozen', [{ seconds: 5 }, { seconds: 8, frozen: true }, { seconds: 30 }]);
    await story.during(0, 2);
    const before = await story.newest();
    await story.during(2, 4);
    expect(story.said.join()).toMatch(/recovering: The source stalled for [34] s/);
    expect(story.said.at(-1)).toBe('live');
    expect((await story.newest()).discontinuityNumber).toBeGreaterThan(before.discontinuityNumber);
    const frozen = [5 * SCRIPT_RATE, 13 * SCRIPT_RATE] as const;
    expectTrueTimes(story, frozen);
    // With one timestamp for all, a picture is taken for older than it is, never for newer.
    for (const [, errorMs] of story.errors) expect(errorMs).toBeLessThan(CAPTURE_ERROR_MS);
  });
});

describe('an HTTP source', () => {
  it('that is away for a while is told of, and comes back into the same window', async () => {
    const story = await tell('away', [{ seconds: 5 }, { seconds: 10, away: true }, { seconds: 30 }]);
    await story.during(0, 2);
    const before = await story.newest();
    await story.during(2, 4);
    expect(story.said.join()).toMatch(/recovering: The source (?:ended|reported a server error)/);
    expect(story.said.join()).toContain('failed: The source reported a server error (HTTP status 5xx).');
    expect(story.said.at(-1)).toBe('live');
    const after = await story.newest();
    expect(after.discontinuityNumber).toBe(before.discontinuityNumber + 1);
    expectTrueTimes(story);
  });

  it.each(['mpegts', 'fmp4'])('whose sound vanishes goes on without delay (%s)', async (container) => {
    const parts = [{ seconds: 5 }, { seconds: 12, audio: false }, { seconds: 30 }];
    const story = await tell(`silent-${container}`, parts, {
      hls: { segmentSeconds: 1, windowSegments: 8, container },
    });
    await story.during(0, 2);
    await story.during(1, 6);
    // Of the sound that does not come, a second is waited for.
    expect((await story.newest()).behindMs).toBeLessThan(4000);
    await story.during(2, 4);
    expect(story.said.filter((each) => each !== 'starting')).toEqual(['live']);
    expect((await story.node.stream('cam')).ffmpeg.restarts).toBe(0);
    expectTrueTimes(story);
  });

  it.each([
    ['keyframes', {}],
    ['references', { thumbnail: { intervalSeconds: 1, width: 320, quality: 95, decode: 'references' } }],
  ])('whose picture vanishes, though its sound goes on, is told of and comes back (%s)', async (decode, more) => {
    const story = await tell(`blind-${decode}`, [{ seconds: 5 }, { seconds: 12, video: false }, { seconds: 40 }], more);
    await story.during(0, 2);
    const before = await story.newest();
    await story.during(2, 4);
    expect(story.said.join()).toMatch(/recovering: The video stalled for [34] s while the audio continued/);
    expect(story.said.join()).toContain('The source has no video, only audio');
    expect(story.said.at(-1)).toBe('live');
    expect((await story.newest()).discontinuityNumber).toBe(before.discontinuityNumber + 1);
    expect((await story.node.stream('cam')).thumbnail.decode.mode).toBe(decode);
    expectTrueTimes(story);
  });

  it('whose picture changes its size is played on with a discontinuity, and its pictures stay true', async () => {
    const story = await tell('size', [{ seconds: 5 }, { seconds: 30, size: '640x480' }]);
    await story.during(0, 2);
    const before = await story.newest();
    await story.during(1, 6);
    expect((await story.newest()).discontinuityNumber).toBeGreaterThan(before.discontinuityNumber);
    const { hls, state } = await story.node.stream('cam');
    expect([state, hls.resolution]).toEqual(['live', '640x480']);
    expectTrueTimes(story);
  });
});
