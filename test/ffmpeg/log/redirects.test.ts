import { expect, it } from 'vitest';
import { RedirectLoop } from '../../../src/ffmpeg/log/redirects.js';

const line = (to: string) => `Status 302: Redirecting to ${to}`;

it('redirects: following the same one twice has no end, other lines and other targets have', () => {
  const loop = new RedirectLoop();
  const lines = [
    'Input #0, rtsp',
    line('rtsp://***@camera/1'),
    line('rtsp://camera/2'),
    'Input #0, rtsp',
    line('rtsp://camera/2'),
  ];
  expect(lines.map((text) => loop.isEndless(text))).toEqual([false, false, false, false, true]);
});

it('redirects: a camera that leads on and on is given up', () => {
  const loop = new RedirectLoop();
  const answers = Array.from({ length: 20 }, (_, number) => loop.isEndless(line(`rtsp://camera/${number}`)));
  expect(answers.indexOf(true)).toBe(8);
});
