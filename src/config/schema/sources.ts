import { z } from 'zod';
import { network, numeric, seconds } from './values.js';

/** What sources may be, and how they are opened. */

const protocols = [
  ...(['test', 'push', 'http', 'https', 'rtsp', 'rtsps', 'rtsp-udp', 'rtmp', 'rtmps'] as const),
  ...(['srt', 'srt-listener', 'file', 'directory', 'device'] as const),
] as const;

/** What sources may be that come through the API. Those of the configuration may be anything. */
export const apiSources = z.strictObject({
  protocols: z
    .array(z.enum(protocols))
    .default(['test', 'push', 'http', 'https', 'rtsp', 'rtsps', 'rtmp', 'rtmps', 'srt'])
    .describe('What may be opened. There are also `rtsp-udp`, `srt-listener`, `file`, `directory` and `device`.'),
  /** The narrowest network that holds an address decides; of two equal ones `deny` does. */
  networks: z
    .strictObject({
      allow: z
        .array(network)
        .max(1000)
        .optional()
        .describe(
          'Networks (`127.0.0.0/8`) and addresses that may be connected to, beside the public network and private ' +
            'ones.',
        ),
      deny: z
        .array(network)
        .max(1000)
        .optional()
        .describe('Those that may not. The narrowest network that holds an address decides.'),
    })
    .prefault({}),
});

/** How one stream's source is opened, whatever its kind. */
export const input = z.strictObject({
  format: z
    .enum(['auto', 'video', 'mjpeg'])
    .default('auto')
    .describe(
      'What comes over HTTP: `mjpeg` for cameras that send one JPEG after another, `video` for all else. `auto`: ' +
        'by the address. See [sources](sources.md).',
    ),
  timestamps: z
    .enum(['source', 'wallclock'])
    .default('source')
    .describe('`wallclock`: by the time at which packets come, for cameras whose own times are wrong.'),
  connectTimeoutSeconds: seconds
    .optional()
    .describe('How long a source may take until it has been opened. Unset: by its kind.'),
  readTimeoutSeconds: seconds.optional().describe('How long a source may send nothing. Unset: by its kind.'),
  reconnectMinSeconds: seconds
    .optional()
    .describe('The first wait before a source that failed is opened again; it doubles each time. Unset: 0.25 s.'),
  reconnectMaxSeconds: seconds
    .optional()
    .describe('The longest wait. Unset: by the kind of the source, 15 s for most.'),
});

export const rtsp = z.strictObject({
  transport: z.enum(['tcp', 'udp']).default('tcp').describe('How RTSP brings the packets.'),
});

/** What is set here goes before the same in the address. */
export const srt = z.strictObject({
  mode: z
    .enum(['caller', 'listener'])
    .optional()
    .describe('Who calls whom. Unset: what the address says, else `caller`.'),
  passphrase: z
    .string()
    .min(10, 'expected 10 to 79 characters')
    .max(79, 'expected 10 to 79 characters')
    .optional()
    .describe('What an encrypted SRT stream is opened with.'),
  streamId: z.string().min(1).max(512).optional().describe('Which stream of the other side is meant.'),
  latencyMs: numeric(z.number().int().min(0).max(60_000))
    .optional()
    .describe('How long lost packets are waited for. Unset: what SRT does by itself, 120 ms.'),
});

/** Video devices (V4L2). Unset: what the device does by itself. */
export const device = z
  .strictObject({
    format: z
      .string()
      .regex(/^[a-z0-9_]{1,32}$/, 'expected a name such as mjpeg, h264 or yuyv422')
      .optional()
      .describe('Video devices: what they shall give, such as `mjpeg`, `h264` or `yuyv422`.'),
    width: numeric(z.number().int().min(16).max(16_384))
      .optional()
      .describe('Width of the picture; set with the height.'),
    height: numeric(z.number().int().min(16).max(16_384)).optional().describe('Height of the picture.'),
    fps: numeric(z.number().positive().max(1000)).optional().describe('Frames a second.'),
  })
  .superRefine((value, context) => {
    if ((value.width === undefined) !== (value.height === undefined)) {
      const path = [value.width === undefined ? 'width' : 'height'];
      context.addIssue({ code: 'custom', path, message: 'needed beside the other side of the picture' });
    }
  });
