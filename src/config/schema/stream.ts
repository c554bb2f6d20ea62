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
    'expected lowercase letters, digits and hyphens, at most 63, not starting with a hyphen',
  );

const hls = z.strictObject({
  lowLatency: flag
    .default(true)
    .describe(
      'Low-latency HLS: the playlist lists partial segments as they are made. Players without support play the same segments.',
    ),
  partSeconds: numeric(z.number().min(0.1).max(2))
    .default(0.2)
    .describe('Length of a partial segment, rounded to whole frames.'),
  segmentSeconds: numeric(z.number().min(0.5).max(30))
    .default(2)
    .describe('Target length of a segment. Copied video can be cut only at the keyframes of the source.'),
  windowSegments: numeric(z.number().int().min(3).max(100))
    .default(6)
    .describe('Segments in the playlist. More are listed if these are shorter than three target durations.'),
  container: z.enum(['mpegts', 'fmp4']).default('mpegts').describe('Container format of media segments.'),
});

/** Authorizes a publisher for one push stream. It is part of the publish URL. */
const streamKey = z
  .string()
  .regex(/^[A-Za-z0-9._~-]{8,128}$/, 'expected 8 to 128 letters, digits, dots, hyphens, underscores or tildes');

export const streamSchema = z.strictObject({
  name: streamName.describe(
    'Required. Lowercase letters, digits and hyphens, at most 63, not starting with a hyphen. Part of every URL and key.',
  ),
  source: z
    .string()
    .min(1)
    .max(4096)
    .describe(
      'Required. `test`, `push` (RTMP publishers), a file, a directory, a video device, or an `http(s)`, ' +
        '`rtsp(s)`, `rtmp(s)` or `srt` URL. See [sources](sources.md).',
    ),
  input: input.prefault({}).describe('How the source is opened, for every kind of source.'),
  rtsp: rtsp.prefault({}).describe('For `rtsp` and `rtsps` sources.'),
  srt: srt.prefault({}).describe('For `srt` sources. Overrides the same parameters in the URL.'),
  device: device.prefault({}).describe("For video devices (V4L2). Unset: the driver's defaults."),
  keys: z
    .array(streamKey)
    .min(1)
    .max(100)
    .optional()
    .describe(
      'Stream keys, 8 to 128 letters, digits or `. _ ~ -`. Required with `source: push` and not allowed otherwise. Each ' +
        'key is valid for this stream only.',
    ),
  publish: z
    .strictObject({
      whenBusy: z
        .enum(['reject', 'takeover'])
        .default('reject')
        .describe(
          'If a publisher is already connected: `reject` the second, or `takeover`, which disconnects the first.',
        ),
      graceSeconds: numeric(z.number().min(0).max(3600))
        .default(30)
        .describe('A publisher that reconnects within this time continues in the same window.'),
    })
    .prefault({})
    .describe('For `source: push`: how publishers are accepted.'),
  video: z
    .enum(['copy'])
    .optional()
    .describe(
      '`copy`: serves the video of the source as rendition `source`, alongside those of `renditions`, or as the only ' +
        'one if there are none. See [transcoding](transcoding.md).',
    ),
  renditions: z
    .array(rendition)
    .min(1)
    .max(8)
    .optional()
    .describe('Encoded renditions. Unset: the video of the source is copied.'),
  audio: z
    .enum(['auto', 'copy', 'aac', 'none'])
    .default('auto')
    .describe(
      '`auto`: AAC and MP3 are copied, every other codec is encoded to AAC. `copy`: copied; a codec that HLS cannot carry is an ' +
        'error. `aac`: always encoded; a silent track if the source has no audio. `none`: no audio.',
    ),
  loop: flag.default(true).describe('Files only: plays the file in a loop.'),
  hls: hls.prefault({}).describe('The playlist and its segments.'),
  thumbnail: thumbnail.prefault({}).describe('The thumbnail.'),
  preview: preview.prefault({}).describe('The animated preview.'),
  storyboard: storyboard.prefault({}).describe('The small images that players show above the seek bar.'),
  monitor: monitor.prefault(false).describe('The low-latency monitor view: `true`, `false` or its settings.'),
  alerts: streamAlerts.prefault({}).describe('Overrides of `alerts` for this stream.'),
  playback: streamPlayback.prefault({}).describe('Overrides of `playback` for this stream.'),
});
