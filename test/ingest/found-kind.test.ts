import { expect, it } from 'vitest';
import { sourceAsFound } from '../../src/ingest/found-kind.js';

const url = 'http://camera/live';
const lines = (...texts: string[]) => texts.map((text) => ({ text }));

it.each([
  ['5.1', 'URL http://camera/seg0 is not in allowed_segment_extensions'],
  ['7.1.1', 'URL http://camera/seg0 is not in allowed_extensions'],
  [
    '9.0',
    'URL http://camera/seg0 is not in allowed_segment_extensions, consider updating hls.c and submitting a patch to ffmpeg-devel, if this should be added',
  ],
  ['7.1', 'detected format mpegts extension none mismatches allowed extensions in url http://camera/seg0.jpg'],
  ['8.0', 'Not detecting m3u8/hls with non standard extension and non standard mime type'],
  ['5.1', "Protocol 'crypto' not on whitelist 'http,tcp'!"],
  ['4.1', "Input #0, hls,applehttp, from 'http://127.0.0.1:1/1':"],
  ['9.0', "Input #0, hls, from 'http://127.0.0.1:1/1':"],
])('HLS that ffmpeg %s does not take for it, or not as it is named, is opened as HLS', (_, text) => {
  const said = lines('before', text, 'Error opening input files: Invalid data found when processing input');
  expect(sourceAsFound({ kind: 'http', url }, said)).toEqual({ kind: 'hls', url });
  // It was opened so already, or is nothing that could be.
  expect(sourceAsFound({ kind: 'hls', url }, said)).toBeUndefined();
  expect(sourceAsFound({ kind: 'rtmp', url }, said)).toBeUndefined();
});

it('what another demuxer opened is not HLS', () => {
  const said = lines('Option extension_picky not found.', 'Error opening input files: Option not found');
  expect(sourceAsFound({ kind: 'hls', url }, said)).toEqual({ kind: 'http', url });
  expect(sourceAsFound({ kind: 'http', url }, said)).toBeUndefined();
});

it('an outage tells nothing of the kind', () => {
  const said = lines('Connection refused', 'Option rw_timeout not found.', 'HTTP error 404 Not Found');
  expect(sourceAsFound({ kind: 'http', url }, said)).toBeUndefined();
  expect(sourceAsFound({ kind: 'hls', url }, said)).toBeUndefined();
});
