import { z } from 'zod';
import { network, numeric, seconds } from './values.js';

/** Which sources are allowed, and how they are opened. */

const protocols = [
  ...(['test', 'push', 'http', 'https', 'rtsp', 'rtsps', 'rtsp-udp', 'rtmp', 'rtmps'] as const),
  ...(['srt', 'srt-listener', 'file', 'directory', 'device'] as const),
] as const;

/** Sources that API requests may use. Sources in the configuration are not restricted. */
export const apiSources = z.strictObject({
  protocols: z
    .array(z.enum(protocols))
    .default(['test', 'push', 'http', 'https', 'rtsp', 'rtsps', 'rtmp', 'rtmps', 'srt'])
    .describe(
      'Protocols that are allowed. Also available: `rtsp-udp`, `srt-listener`, `file`, `directory` and `device`.',
    ),
  /** The most specific network that contains an address decides; of two equal ones `deny` does. */
  networks: z
    .strictObject({
      allow: z
        .array(network)
        .max(1000)
        .optional()
        .describe(
          'Networks (`127.0.0.0/8`) and addresses that sources may connect to, in addition to public and private networks.',
        ),
      deny: z
        .array(network)
        .max(1000)
        .optional()
        .describe(
          'Networks and addresses that are blocked. The most specific network that contains an address decides.',
        ),
    })
    .prefault({}),
});

/** How a stream's source is opened, for every kind of source. */
export const input = z.strictObject({
  format: z
    .enum(['auto', 'video', 'mjpeg'])
    .default('auto')
    .describe(
      'Format of an HTTP source: `mjpeg` for cameras that send a series of JPEG images, `video` for everything else. ' +
        '`auto`: detected from the URL. See [sources](sources.md).',
    ),
  timestamps: z
    .enum(['source', 'wallclock'])
    .default('source')
    .describe('`wallclock`: uses the arrival time of packets, for cameras with wrong timestamps.'),
  connectTimeoutSeconds: seconds
    .optional()
    .describe('Maximum time to open the source. Unset: depends on the kind of source.'),
  readTimeoutSeconds: seconds
    .optional()
    .describe('Maximum time without data from the source. Unset: depends on the kind of source.'),
  reconnectMinSeconds: seconds
    .optional()
    .describe('Delay before the first retry after a source has failed. It doubles with each retry. Unset: 0.25 s.'),
  reconnectMaxSeconds: seconds
    .optional()
    .describe('Maximum delay between retries. Unset: depends on the kind of source, 15 s for most.'),
});

export const rtsp = z.strictObject({
  transport: z.enum(['tcp', 'udp']).default('tcp').describe('Transport of RTSP media.'),
});

/** These settings override the same parameters in the URL. */
export const srt = z.strictObject({
  mode: z.enum(['caller', 'listener']).optional().describe('SRT mode. Unset: the mode in the URL, or `caller`.'),
  passphrase: z
    .string()
    .min(10, 'expected 10 to 79 characters')
    .max(79, 'expected 10 to 79 characters')
    .optional()
    .describe('Passphrase of an encrypted SRT stream.'),
  streamId: z.string().min(1).max(512).optional().describe('SRT stream ID: names a stream of the remote side.'),
  latencyMs: numeric(z.number().int().min(0).max(60_000))
    .optional()
    .describe('SRT latency: how long to wait for lost packets, in milliseconds. Unset: the SRT default of 120 ms.'),
});

/** Video devices (V4L2). Unset: the driver's defaults. */
export const device = z
  .strictObject({
    format: z
      .string()
      .regex(/^[a-z0-9_]{1,32}$/, 'expected a name such as mjpeg, h264 or yuyv422')
      .optional()
      .describe('Capture format of a video device, such as `mjpeg`, `h264` or `yuyv422`.'),
    width: numeric(z.number().int().min(16).max(16_384))
      .optional()
      .describe('Capture width. Must be set together with the height.'),
    height: numeric(z.number().int().min(16).max(16_384)).optional().describe('Capture height.'),
    fps: numeric(z.number().positive().max(1000)).optional().describe('Capture frame rate.'),
  })
  .superRefine((value, context) => {
    if ((value.width === undefined) !== (value.height === undefined)) {
      const path = [value.width === undefined ? 'width' : 'height'];
      context.addIssue({ code: 'custom', path, message: 'width and height must be set together' });
    }
  });
