import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { ALLOCATOR_SETTINGS, assignments } from '../../bench/support/allocator.js';
import { cpuSecondsOf, parseChildrenCpu } from '../../bench/support/cpu.js';
import { parseBenchmark, streamConfig, withoutFrames } from '../../bench/support/ffmpeg-cost.js';
import { lineOf } from '../../bench/support/memory-group.js';
import { parseResident } from '../../bench/support/node-process.js';
import { problemOf } from '../../bench/support/segment-watch.js';
import { cutTransportStream } from '../../bench/support/transport-stream.js';
import { ffmpegArguments } from '../../src/ffmpeg/output/arguments.js';
import { planStream } from '../../src/stream/outputs/plan.js';
import { parseDockerfile } from '../support/dockerfile.js';
import { embedded, makeWithFfmpeg } from '../support/ffmpeg.js';

test('what ffmpeg says of its own CPU time', () => {
  expect(parseBenchmark('x\n[info] bench: utime=1.250s stime=0.125s rtime=9.000s\n')).toBe(1.375);
  expect(parseBenchmark('nothing')).toBeUndefined();
});

test('CPU time of ended children, whatever the program is called', () => {
  const fields = ['R', ...Array.from({ length: 40 }, (_, index) => String(index + 4))];
  // Fields 16 and 17 of proc(5), in hundredths.
  fields[13] = '250';
  fields[14] = '50';
  expect(parseChildrenCpu(`1 (a (b) c) ${fields.join(' ')}`)).toBe(3);
});

test.skipIf(process.platform !== 'linux')('CPU time of a running process: all of its threads, in seconds', async () => {
  const before = await cpuSecondsOf(process.pid);
  const usage = process.cpuUsage();
  for (const until = usage.user + 50_000; process.cpuUsage().user < until; );
  const used = process.cpuUsage(usage);
  const after = await cpuSecondsOf(process.pid);
  expect(after - before).toBeGreaterThanOrEqual(0.045);
  expect(after - before).toBeLessThan(((used.user + used.system) / 1e6) * 3 + 0.2);
});

test('resident memory in bytes', () => {
  expect(parseResident('Name:\tnode\nVmRSS:\t  2048 kB\nRssAnon: 1 kB\n')).toBe(2048 * 1024);
  expect(() => parseResident('Name:\tnode\n')).toThrow('VmRSS');
});

test('a control group tells of numbers by their names', () => {
  const stat = 'rss 1\ntotal_rss 40960\ntotal_rss_huge 2\n';
  expect(lineOf(stat, 'total_rss')).toBe(40_960);
  expect(lineOf('low 0\noom 3\noom_kill 2\n', 'oom_kill')).toBe(2);
  expect(() => lineOf(stat, 'anon')).toThrow('no anon');
});

test('a segment is whole when it has the pictures that its duration says', async () => {
  const { stdout: segment } = await makeWithFfmpeg(embedded.path, [
    ...['-f', 'lavfi', '-i', 'testsrc2=size=64x36:rate=30', '-t', '2'],
    ...['-c:v', 'libx264', '-bf', '0', '-f', 'mpegts', '-'],
  ]);
  expect(problemOf(segment, 60)).toBeUndefined();
  expect(problemOf(segment, 90)).toBe('60 pictures of 90');
  expect(problemOf(segment.subarray(0, -100), 60)).toMatch('are not whole packets');
  expect(problemOf(segment.subarray(0, 188 * Math.floor(segment.length / 376)), 60)).toMatch(/pictures of 60/);
});

test('the command without its pictures is the same up to the HLS output, and has no other', () => {
  const config = streamConfig({ name: 'a', source: '/a.mp4' });
  const plan = planStream({
    config,
    source: { kind: 'file', url: 'file:/a.mp4' },
    capabilities: { options: embedded.options, protocols: new Set(['file']) },
    makesMedia: true,
  });
  const args = ffmpegArguments(plan);
  const cut = withoutFrames(args);
  // The pictures' rate is that of all outputs in this version.
  const rate = cut.slice(-3, -1);
  expect(rate).toEqual(['-vsync', 'passthrough']);
  const before = cut.slice(0, -3);
  expect([...before, cut.at(-1)]).toEqual(args.slice(0, before.length + 1));
  expect(cut.at(-1)).toBe('pipe:8');
  expect(args).toContain('pipe:1');
  expect(cut).not.toContain('pipe:1');
  expect(() => withoutFrames(['-i', 'x'])).toThrow();
});

test('an MPEG-TS file is cut at its pictures, each with its time', async () => {
  const { stdout } = await makeWithFfmpeg(embedded.path, [
    ...['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25', '-f', 'lavfi', '-i', 'sine', '-t', '2'],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '2', '-g', '25', '-c:a', 'aac', '-f', 'mpegts', 'pipe:1'],
  ]);
  const units = cutTransportStream(stdout);
  expect(Buffer.concat(units.map(({ data }) => data)).equals(stdout)).toBe(true);
  expect(units.map(({ atMs }) => Math.round(atMs))).toEqual(Array.from({ length: 50 }, (_, index) => index * 40));
  expect(units.flatMap(({ isKeyframe }, index) => (isKeyframe ? [index] : []))).toEqual([0, 25]);
  expect(() => cutTransportStream(new Uint8Array(188))).toThrow('sync');
});

test('measured nodes have the memory settings of the Docker image and of the systemd unit', async () => {
  const read = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');
  const image = parseDockerfile(await read('Dockerfile')).at(-1)!;
  const variables = image.instructions.flatMap((each) => (each.kind === 'env' ? [[each.name, each.value]] : []));
  const allocator = variables.filter(([name]) => name!.startsWith('MALLOC_'));
  expect(Object.fromEntries(allocator)).toEqual(ALLOCATOR_SETTINGS);
  expect(await read('deploy/sidepipe.service')).toContain(assignments(ALLOCATOR_SETTINGS));
});
