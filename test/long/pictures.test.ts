import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { ConditionChange } from '../../src/events/condition-changes.js';
import { makeClip, temporaryFolder } from '../support/clip.js';
import { startNode, type TestNode } from '../support/node.js';

/** What the pictures of the real node show of inputs that go wrong, and how long it takes until that is told. */

let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder();
});

const size = 'size=320x180:rate=10';
const seconds = 26;
const keyframes = Array.from({ length: seconds }, (_, second) => second);
const whole = (colour: string) => `drawbox=color=${colour}:t=fill:enable='between(t,6,16)'`;
/** From 6 to 16 s of each something is wrong; then it is right again. */
const inputs = {
  black: `testsrc2=${size},${whole('black')}`,
  flat: `testsrc2=${size},${whole('gray')}`,
  frozen: `testsrc2=${size},loop=loop=40:size=1:start=60`,
  noisy: `smptebars=${size},noise=alls=40:allf=t`,
  fading: `testsrc2=${size},hue=b='-10*max(0,1-abs(t-8)/1.5)':s='min(1,abs(t-8)/1.5)'`,
  slides: `testsrc2=${size},fps=1/4,fps=10`,
  asleep: `color=c=black:${size}`,
};
type Input = keyof typeof inputs;
const gate = { holdSeconds: 4, alarmAfterSeconds: 4, frozenAfterSeconds: 5 };
/** Keyframes, so pictures, come once a second: nothing is told more exactly. */
const grain = 1.2;

describe('inputs that go wrong', () => {
  it('are told as documented, each after its time, and good again at once', async () => {
    const names = Object.keys(inputs) as Input[];
    const sources = await Promise.all(
      names.map((name) => {
        const path = join(folder, `${name}.mp4`);
        return makeClip({ path, seconds, fps: 10, keyframes, audio: false, picture: inputs[name] });
      }),
    );
    const node = await startNode({
      streams: names.map((name, index) => ({
        name,
        source: sources[index]!,
        loop: false,
        hls: { segmentSeconds: 1 },
        thumbnail: { intervalSeconds: 1, width: 320, staleAfterSeconds: 15, gate },
      })),
    });
    const events: ConditionChange[] = [];
    void (async () => {
      for await (const event of node.node.events.subscribe()) events.push(event);
    })();
    const worst = new Map<Input, Record<string, number>>();
    await vi.waitFor(
      async () => {
        for (const name of names) {
          const { thumbnail, state } = await node.stream(name);
          const { rejected, captured, dropped } = thumbnail;
          if (state !== 'idle' || captured > 0) worst.set(name, { rejected, captured, dropped });
        }
        for (const name of names) expect((await node.stream(name)).state).toBe('idle');
        for (const name of names) expect(worst.get(name)?.['captured'] ?? 0).toBeGreaterThan(10);
      },
      { timeout: 100_000, interval: 250 },
    );
    const told = (name: Input) =>
      events.flatMap(({ stream, type, at }) => {
        const isOfGate = ['black', 'flat', 'frozen', 'recovered'].includes(type);
        return stream === name && isOfGate ? [{ type, at }] : [];
      });
    const types = (name: Input) => told(name).map(({ type }) => type);
    const secondsBetween = (name: Input) => {
      const [one, other] = told(name);
      return ((other?.at ?? Number.NaN) - (one?.at ?? Number.NaN)) / 1000;
    };
    expect(Object.fromEntries(names.map((name) => [name, types(name)]))).toEqual({
      black: ['black', 'recovered'],
      flat: ['flat', 'recovered'],
      frozen: ['frozen', 'recovered'],
      noisy: [],
      fading: [],
      slides: [],
      asleep: ['black'],
    });
    // Ten seconds of each are bad, and told after `alarmAfterSeconds` or `frozenAfterSeconds`.
    for (const name of ['black', 'flat'] as const) {
      expect(Math.abs(secondsBetween(name) - (10 - gate.alarmAfterSeconds)), name).toBeLessThan(grain);
      expect(worst.get(name)?.['rejected'], name).toBeGreaterThanOrEqual(gate.holdSeconds - 1);
      expect(worst.get(name)?.['rejected'], name).toBeLessThanOrEqual(gate.holdSeconds + 1);
    }
    expect(Math.abs(secondsBetween('frozen') - (10 - gate.frozenAfterSeconds))).toBeLessThan(grain);
    expect(worst.get('frozen')?.['rejected']).toBe(0);
    expect(worst.get('noisy')?.['rejected']).toBe(0);
    expect(worst.get('slides')?.['rejected']).toBe(0);
    // The darkest part of a fade is held back and never shown; without a good picture before, black is all there is.
    expect(worst.get('fading')?.['rejected']).toBeGreaterThanOrEqual(1);
    expect(worst.get('fading')?.['rejected']).toBeLessThanOrEqual(3);
    expect(worst.get('asleep')?.['rejected']).toBe(0);
    const lines = node.log.filter(({ stream, msg }) => stream === 'black' && /^video /.test(String(msg)));
    expect(lines.map(({ msg }) => msg)).toEqual(['video black', 'video good again']);
    const metrics = (await node.text('/metrics')).body;
    expect(metrics).toMatch(/sidepipe_frames_dropped_total\{stream="black",reason="gate-black"\} [345]\n/);
    expect(metrics).toContain('sidepipe_thumbnail_gate{stream="asleep",state="black"} 1');
  });
});

describe('the pictures around the picture', () => {
  it('are there for a known stream from the first moment, and come alive', async () => {
    const offline = join(folder, 'away.png');
    const red = { width: 320, height: 180, channels: 3, background: '#c00000' } as const;
    await writeFile(offline, await sharp({ create: red }).png().toBuffer());
    const node = await startNode({
      streams: [
        {
          name: 'cam',
          source: 'test',
          hls: { segmentSeconds: 1 },
          thumbnail: {
            ...{ intervalSeconds: 1, width: 320, formats: ['jpg', 'avif'] as ['jpg', 'avif'], offline },
            ...{ widths: [160], sizes: [{ name: 'square', width: 90, height: 90, fit: 'cover' as const }] },
          },
          preview: { frames: 4, width: 96 },
          storyboard: { width: 80, intervalSeconds: 1 },
        },
        { name: 'dead', source: join(folder, 'nothing-here.mp4'), thumbnail: { offline } },
      ],
    });
    for (const file of ['preview.webp', 'preview.gif', 'thumbnail.jpg', 'storyboard.vtt']) {
      expect((await node.bytes(`/live/cam/${file}`)).status).toBe(200);
      expect((await node.bytes(`/live/dead/${file}`)).status).toBe(200);
    }
    const { body: away } = await node.bytes('/live/dead/thumbnail.jpg');
    expect((await sharp(away).stats()).dominant).toMatchObject({ g: expect.any(Number) });
    expect((await sharp(away).stats()).channels[0]!.mean).toBeGreaterThan(170);

    await moving(node);
    await shows(node, '/live/cam/thumbnail.jpg?width=160', 160, 90);
    await shows(node, '/live/cam/thumbnail-160.jpg', 160, 90);
    await shows(node, '/live/cam/thumbnail-square.jpg', 90, 90);
    await shows(node, '/live/cam/thumbnail.avif', 320, 180);
    expect((await node.text('/live/cam/thumbnail.jpg?width=161')).status).toBe(400);

    const { playback, thumbnail } = await node.stream('cam');
    expect(thumbnail).toMatchObject({ gate: { state: 'good' }, rejected: 0, decoderErrors: 0 });
    expect(thumbnail.placeholder).toMatch(/^[A-Za-z0-9+/]{20,40}=*$/);
    const named = await node.bytes(playback.thumbnailImmutable ?? '');
    expect(named.status).toBe(200);
    expect(named.headers.get('cache-control')).toContain('immutable');
    const later = await vi.waitFor(
      async () => {
        const { playback: next } = await node.stream('cam');
        expect(next.thumbnailImmutable).not.toBe(playback.thumbnailImmutable);
        return next;
      },
      { timeout: 60_000, interval: 100 },
    );
    expect((await node.bytes(playback.thumbnailImmutable ?? '')).body).toEqual(named.body);
    expect((await node.bytes(later.thumbnailImmutable ?? '')).status).toBe(200);
  });

  it('refuses to start with an offline picture that is none, and names it', async () => {
    const path = join(folder, 'no-picture.txt');
    await writeFile(path, 'words');
    for (const offline of [path, join(folder, 'missing.png')]) {
      const started = startNode({ streams: [{ name: 'cam', source: 'test', thumbnail: { offline } }] });
      await expect(started).rejects.toMatchObject({
        code: 'config-invalid',
        message: expect.stringContaining(offline),
      });
    }
  });
});

/** Waits until the preview moves and the storyboard has cues, and checks what they show. */
async function moving(node: TestNode): Promise<void> {
  await vi.waitFor(
    async () => {
      const preview = await node.bytes('/live/cam/preview.webp');
      expect(preview.headers.get('sidepipe-image-state')).toBe('fresh');
      expect(await sharp(preview.body, { animated: true }).metadata()).toMatchObject({ pages: 4, width: 96 });
      const { body: text } = await node.text('/live/cam/storyboard.vtt');
      const cues = [...text.matchAll(/^(\S+)\n(\S+) --> (\S+)\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)$/gm)];
      expect(cues.length).toBeGreaterThan(3);
      for (const [, date = '', , , file, x, y, width, height] of cues) {
        expect(Math.abs(Date.now() - Date.parse(date))).toBeLessThan(60_000);
        const sheet = await node.bytes(`/live/cam/${file}`);
        expect(sheet.status).toBe(200);
        const whole = await sharp(sheet.body).metadata();
        expect(Number(x) + Number(width)).toBeLessThanOrEqual(whole.width);
        expect(Number(y) + Number(height)).toBeLessThanOrEqual(whole.height);
      }
    },
    { timeout: 60_000, interval: 200 },
  );
}

async function shows(node: TestNode, path: string, width: number, height: number): Promise<void> {
  const { status, body, headers } = await node.bytes(path);
  expect(status).toBe(200);
  expect(headers.get('sidepipe-image-state')).toBe('fresh');
  expect(await sharp(body).metadata()).toMatchObject({ width, height });
}
