import { existsSync, readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { spawnChild } from '../../src/ffmpeg/child.js';
import { withTimerSlack } from '../../src/ffmpeg/timer-slack.js';

const file = '/proc/self/timerslack_ns';
const ownSlack = () => Number(readFileSync(file, 'utf8'));
const slackOfChild = async (timerSlackMs?: number) => {
  const options = timerSlackMs === undefined ? {} : { timerSlackMs };
  const args = ['-p', `fs.readFileSync('${file}', 'utf8')`];
  const child = await spawnChild({ path: process.execPath, args, ...options });
  for (const stream of [child.stderr, child.side, child.packets]) stream.resume();
  const printed = await text(child.stdout);
  await child.exited;
  return Number(printed);
};

it.skipIf(!existsSync(file))('a child has the slack that it is given, no other has', async () => {
  const before = ownSlack();
  const [given, other] = await Promise.all([slackOfChild(40), slackOfChild()]);
  expect(given).toBe(40_000_000);
  expect(other).toBe(before);
  expect(ownSlack()).toBe(before);
});

it.skipIf(!existsSync(file))('what fails to begin leaves no slack behind', () => {
  const before = ownSlack();
  expect(() =>
    withTimerSlack(7, () => {
      expect(ownSlack()).toBe(7_000_000);
      throw new Error('no');
    }),
  ).toThrow('no');
  expect(ownSlack()).toBe(before);
});
