import { describe, expect, it } from 'vitest';
import {
  ageInWords,
  bitrateInWords,
  factsInWords,
  latencyInWords,
  pictureInWords,
  stateInWords,
  summaryInWords,
  viewerStateInWords,
  viewersInWords,
} from '../../src/web/client/words.js';

describe('ageInWords', () => {
  it.each([
    [0, 'now'],
    [0.99, 'now'],
    [1, '1 s'],
    [59.9, '59 s'],
    [60, '1 min'],
    [3599, '59 min'],
    [3600, '1 h'],
    [172_799, '47 h'],
    [172_800, '2 days'],
  ])('%d s: %s', (seconds, words) => {
    expect(ageInWords(seconds)).toBe(words);
  });
});

describe('pictureInWords', () => {
  it.each([
    ['fresh', 0.4, 'Now'],
    ['fresh', 3.2, '3 s ago'],
    ['stale', 130, 'Stale, 2 min ago'],
    ['offline', 0.4, 'Last thumbnail just now'],
    ['offline', 7300, 'Last thumbnail 2 h ago'],
    ['offline', undefined, 'No thumbnail yet'],
  ])('%s %s: %s', (state, age, words) => {
    expect(pictureInWords(state, age)).toBe(words);
  });
});

it('has a word for every state, and shows one that it does not know', () => {
  expect(['idle', 'starting', 'live', 'recovering', 'failed', 'new'].map(stateInWords)).toEqual([
    'Waiting',
    'Starting',
    'Live',
    'Reconnecting',
    'Failed',
    'new',
  ]);
});

it('tells viewers that a failed stream is offline, and operators that it failed', () => {
  expect([viewerStateInWords('failed'), stateInWords('failed')]).toEqual(['Offline', 'Failed']);
  expect(viewerStateInWords('live')).toBe('Live');
});

it('leaves out the facts that are not known', () => {
  const hls = { resolution: null, frameRate: 12.5, bandwidth: 2_345_678, codecs: null };
  const facts = factsInWords({ name: 'cam', state: 'live', reason: null, source: { kind: 'rtsp' }, hls });
  expect(facts).toEqual([
    ['Source', 'RTSP'],
    ['Frame rate', '12.5 fps'],
    ['Peak bitrate', '2.3 Mbit/s'],
  ]);
  expect(bitrateInWords(64_400)).toBe('64 kbit/s');
});

it.each([
  [undefined, ''],
  [null, ''],
  [0, ''],
  [1, '1 viewer'],
  [1234, '1,234 viewers'],
])('counts %s viewers as %j', (viewers, words) => {
  expect(viewersInWords({ name: 'cam', ...(viewers === undefined ? {} : { viewers }) })).toBe(words);
});

it('sums up the streams', () => {
  expect(summaryInWords([])).toBe('');
  expect(summaryInWords([{ state: 'live' }, { state: 'idle' }])).toBe('1 of 2 live');
});

describe('latencyInWords', () => {
  it.each([
    [0, '0.0 s behind live'],
    [1.24, '1.2 s behind live'],
    [9.94, '9.9 s behind live'],
    [9.96, '10 s behind live'],
    [61, '61 s behind live'],
  ])('%d s: %s', (seconds, words) => {
    expect(latencyInWords(seconds)).toBe(words);
  });
});
