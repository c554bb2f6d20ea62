import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { numeric, seconds } from './schema-values.js';

/** What sources may be, and how they are opened. */

const network = z
  .string()
  .refine(
    (text) => ipaddr.isValidCIDR(text) || ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text),
    'expected a network such as 192.168.0.0/16, or an address',
  );

const protocols = [
  ...(['test', 'push', 'http', 'https', 'rtsp', 'rtsps', 'rtsp-udp', 'rtmp', 'rtmps'] as const),
  ...(['srt', 'srt-listener', 'file', 'directory', 'device'] as const),
] as const;

/** What sources may be that come through the API. Those of the configuration may be anything. */
export const apiSources = z.strictObject({
  protocols: z
    .array(z.enum(protocols))
    .default(['test', 'push', 'http', 'https', 'rtsp', 'rtsps', 'rtmp', 'rtmps', 'srt']),
  /** The narrowest network that holds an address decides; of two equal ones `deny` does. */
  networks: z
    .strictObject({
      allow: z.array(network).max(1000).optional(),
      deny: z.array(network).max(1000).optional(),
    })
    .prefault({}),
});

/** How one stream's source is opened, whatever its kind. */
export const input = z.strictObject({
  /** Over HTTP: `mjpeg` for cameras that send one JPEG after another. `auto`: by the address. */
  format: z.enum(['auto', 'video', 'mjpeg']).default('auto'),
  /** `wallclock`: when a packet came, for cameras whose own times are wrong. */
  timestamps: z.enum(['source', 'wallclock']).default('source'),
  /** Unset: by the kind of the source. */
  connectTimeoutSeconds: seconds.optional(),
  readTimeoutSeconds: seconds.optional(),
  /** The first and the longest wait before a source that failed is opened again. Unset: by its kind. */
  reconnectMinSeconds: seconds.optional(),
  reconnectMaxSeconds: seconds.optional(),
});

export const rtsp = z.strictObject({ transport: z.enum(['tcp', 'udp']).default('tcp') });

/** What is set here goes before the same in the address. */
export const srt = z.strictObject({
  mode: z.enum(['caller', 'listener']).optional(),
  passphrase: z.string().min(10, 'expected 10 to 79 characters').max(79, 'expected 10 to 79 characters').optional(),
  streamId: z.string().min(1).max(512).optional(),
  latencyMs: numeric(z.number().int().min(0).max(60_000)).optional(),
});

/** Video devices (V4L2). Unset: what the device does by itself. */
export const device = z
  .strictObject({
    /** ffmpeg's name of a pixel format or codec: `mjpeg`, `h264`, `yuyv422`, … */
    format: z
      .string()
      .regex(/^[a-z0-9_]{1,32}$/, 'expected a name such as mjpeg, h264 or yuyv422')
      .optional(),
    width: numeric(z.number().int().min(16).max(16_384)).optional(),
    height: numeric(z.number().int().min(16).max(16_384)).optional(),
    fps: numeric(z.number().positive().max(1000)).optional(),
  })
  .superRefine((value, context) => {
    if ((value.width === undefined) !== (value.height === undefined)) {
      const path = [value.width === undefined ? 'width' : 'height'];
      context.addIssue({ code: 'custom', path, message: 'needed beside the other side of the picture' });
    }
  });
