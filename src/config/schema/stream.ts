import { z } from 'zod';
import { streamPlayback } from './access.js';
import { streamAlerts } from './alerts.js';
import { monitor } from './monitor.js';
import { preview, storyboard, thumbnail } from './pictures.js';
import { rendition } from './renditions.js';
import { device, input, rtsp, srt } from './sources.js';
import { flag, numeric } from './values.js';

/** One stream. */

const streamName = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9-]{0,62}$/,
    'expected lower-case letters, digits and hyphens, at most 63, the first no hyphen',
  );

const hls = z.strictObject({
  lowLatency: flag
    .default(true)
    .describe(
      'Low-latency HLS: the playlist lists parts of segments as they are made. Players without support play the same segments.',
    ),
  partSeconds: numeric(z.number().min(0.1).max(2)).default(0.2).describe('Length of a part, rounded to whole frames.'),
  segmentSeconds: numeric(z.number().min(0.5).max(30))
    .default(2)
    .describe("Length that is aimed at. A copied stream is cut at the source's keyframes only."),
  windowSegments: numeric(z.number().int().min(3).max(100))
    .default(6)
    .describe('Segments in the playlist; more where these do not last three target durations.'),
  container: z.enum(['mpegts', 'fmp4']).default('mpegts').describe('What media segments are made of.'),
});

/** Opens one push stream; a part of the publisher's URL. */
const streamKey = z
  .string()
  .regex(/^[A-Za-z0-9._~-]{8,128}$/, 'expected 8 to 128 letters, digits, dots, hyphens, underscores or tildes');

export const streamSchema = z.strictObject({
  name: streamName.describe(
    'Needed. Lower-case letters, digits and hyphens, at most 63, the first no hyphen. Part of every URL and ' + 'key.',
  ),
  source: z
    .string()
    .min(1)
    .max(4096)
    .describe(
      'Needed. `test`, `push` (RTMP publishers), a file, a directory, a video device, or an `http(s)`, ' +
        '`rtsp(s)`, `rtmp(s)` or `srt` URL. See [sources](sources.md).',
    ),
  input: input.prefault({}).describe('How the source is opened, whatever its kind.'),
  rtsp: rtsp.prefault({}).describe('For `rtsp` and `rtsps` sources.'),
  srt: srt.prefault({}).describe('For `srt` sources; goes before the same in the address.'),
  device: device.prefault({}).describe('For video devices (V4L2). Unset: what the device does by itself.'),
  keys: z
    .array(streamKey)
    .min(1)
    .max(100)
    .optional()
    .describe(
      '`source: push` only, and needed there: stream keys, 8 to 128 letters, digits or `. _ ~ -`. Each opens ' +
        'this stream and no other.',
    ),
  publish: z
    .strictObject({
      whenBusy: z
        .enum(['reject', 'takeover'])
        .default('reject')
        .describe('What a second publisher meets: `reject`, or `takeover`, which ends the first.'),
      graceSeconds: numeric(z.number().min(0).max(3600))
        .default(30)
        .describe('A publisher that is back within this time goes on with the same window.'),
    })
    .prefault({})
    .describe('For `source: push`: how publishers are let in.'),
  video: z
    .enum(['copy'])
    .optional()
    .describe(
      "`copy`: the source's own video as rendition `source`, beside those of `renditions`. It is the only one " +
        'where there are none. See [transcoding](transcoding.md).',
    ),
  renditions: z.array(rendition).min(1).max(8).optional().describe("Encoded video. Unset: the source's own, copied."),
  audio: z
    .enum(['auto', 'copy', 'aac', 'none'])
    .default('auto')
    .describe(
      '`auto`: AAC and MP3 are copied, every other codec is encoded to AAC. `copy`: copied; a codec that HLS cannot carry is an ' +
        'error. `aac`: always encoded; a silent track if the source has no audio. `none`: no audio.',
    ),
  loop: flag.default(true).describe('Files only: begin again at the end.'),
  hls: hls.prefault({}).describe('The playlist and its segments.'),
  thumbnail: thumbnail.prefault({}).describe('The picture that is never stale.'),
  preview: preview.prefault({}).describe('The animated picture.'),
  storyboard: storyboard.prefault({}).describe('The small pictures that players show over their seek bars.'),
  monitor: monitor.prefault(false).describe('The picture with little delay: `true`, `false` or its settings.'),
  alerts: streamAlerts.prefault({}).describe('What this stream has otherwise than `alerts`.'),
  playback: streamPlayback.prefault({}).describe('What this stream has otherwise than `playback`.'),
});
