import { z } from 'zod';
import { flag, network, numeric } from './values.js';

/** Access: proxies, CORS, rate limits, the admin token and signed playback. */

const origin = z
  .string()
  .regex(/^(?:\*|https?:\/\/[a-z0-9.-]+(?::\d{1,5})?)$/, 'expected * or an origin such as https://www.example.org');

/** The access settings of `http`. */
export const httpAccess = {
  trustedProxies: z
    .array(network)
    .max(100)
    .optional()
    .describe(
      'Addresses and networks (`10.0.0.0/8`) of proxies whose client headers are trusted. See [security](security.md).',
    ),
  proxyHeaders: z
    .enum(['x-forwarded', 'forwarded'])
    .default('x-forwarded')
    .describe(
      'Headers that the trusted proxies send: `x-forwarded` (`X-Forwarded-For`, `-Proto`, `-Host`) or `forwarded` ' +
        '(RFC 7239). The other kind is ignored.',
    ),
  cors: z
    .strictObject({
      origins: z
        .array(origin)
        .max(100)
        .default(['*'])
        .describe(
          'Sites whose scripts may read playback and the API. Origins listed by name may also call the API with the ' +
            'admin token.',
        ),
    })
    .prefault({}),
  hstsSeconds: numeric(z.number().int().min(0).max(63_072_000))
    .optional()
    .describe('`max-age` of `Strict-Transport-Security`. Sent only if `http.publicUrl` is an `https` URL.'),
  rateLimit: z
    .strictObject({
      enabled: flag.default(true).describe('Limits the rate of API requests.'),
      apiPerMinute: numeric(z.number().int().min(1).max(1_000_000))
        .default(600)
        .describe('API requests per minute from one address (IPv6: one /64).'),
      failedLoginsPerMinute: numeric(z.number().int().min(1).max(1000))
        .default(10)
        .describe('Wrong admin tokens from one address before it is rejected for the rest of the minute.'),
    })
    .prefault({}),
  maxConnections: numeric(z.number().int().min(1).max(1_000_000))
    .default(10_000)
    .describe('Maximum number of open connections. Further ones are closed immediately.'),
  maxConnectionsPerAddress: numeric(z.number().int().min(1).max(1_000_000))
    .default(1000)
    .describe('Maximum number of open connections per address. Trusted proxies are exempt.'),
};

export const admin = z.strictObject({
  token: z
    .string()
    .min(16, 'expected at least 16 characters')
    .optional()
    .meta({ description: 'Bearer token for API requests that change something. See below.', unset: 'generated' }),
  loginHours: numeric(z.number().positive().max(720))
    .default(12)
    .describe('How long a login to the pages stays valid, in hours.'),
});

const playbackKey = z.strictObject({
  id: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,32}$/, 'expected 1 to 32 letters, digits, hyphens or underscores')
    .describe('Name of the key. It is part of the URLs that the key signs.'),
  secret: z
    .string()
    .min(32, 'expected at least 32 characters')
    .max(512)
    .describe('Signing secret. The first key signs; every key is accepted.'),
});

const playbackKeys = z
  .array(playbackKey)
  .max(10)
  .superRefine((keys, context) => {
    keys.forEach(({ id }, index) => {
      if (keys.findIndex((each) => each.id === id) < index)
        context.addIssue({ code: 'custom', path: [index, 'id'], message: `duplicate key id "${id}"` });
    });
  });

/** `signed`: playback requires a URL that one of the keys signed. */
const access = z.enum(['open', 'signed']);

export const playback = z.strictObject({
  access: access
    .default('open')
    .describe(
      '`signed`: playlists, segments, thumbnails and the monitor of all streams require a URL signed by one of the keys.',
    ),
  /** The first key signs; every key is accepted. */
  keys: playbackKeys.default([]),
});

/** Overrides for one stream. */
export const streamPlayback = z.strictObject({
  access: access.optional().describe('Overrides `playback.access` for this stream.'),
  keys: playbackKeys.optional().describe("Keys of this stream; they replace the node's keys."),
});

type Playback = z.output<typeof playback>;

/** The keys of a stream with signed playback; undefined if its playback is open. Pure. */
export function playbackKeysOf(node: Playback, stream: z.output<typeof streamPlayback>): Playback['keys'] | undefined {
  if ((stream.access ?? node.access) === 'open') return undefined;
  return stream.keys ?? node.keys;
}
