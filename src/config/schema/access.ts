import { z } from 'zod';
import { flag, network, numeric } from './values.js';

/** Who may see and do what. */

const origin = z
  .string()
  .regex(/^(?:\*|https?:\/\/[a-z0-9.-]+(?::\d{1,5})?)$/, 'expected * or an origin such as https://www.example.org');

/** What `http` has beside its address. */
export const httpAccess = {
  trustedProxies: z
    .array(network)
    .max(100)
    .optional()
    .describe(
      'Addresses and networks (`10.0.0.0/8`) of proxies whose word about the client is taken. See ' +
        '[security](security.md).',
    ),
  proxyHeaders: z
    .enum(['x-forwarded', 'forwarded'])
    .default('x-forwarded')
    .describe(
      'What those proxies write: `x-forwarded` (`X-Forwarded-For`, `-Proto`, `-Host`) or `forwarded` (RFC 7239). ' +
        'The other kind is not looked at.',
    ),
  /** Sites whose scripts may read playback and the API. */
  cors: z
    .strictObject({
      origins: z
        .array(origin)
        .max(100)
        .default(['*'])
        .describe(
          'Sites whose scripts may read playback and the API. A list of origins also lets these call with the admin ' +
            'token.',
        ),
    })
    .prefault({}),
  hstsSeconds: numeric(z.number().int().min(0).max(63_072_000))
    .optional()
    .describe('`Strict-Transport-Security`, where `http.publicUrl` is `https`.'),
  rateLimit: z
    .strictObject({
      enabled: flag.default(true).describe('Whether calls of the API are limited.'),
      apiPerMinute: numeric(z.number().int().min(1).max(1_000_000))
        .default(600)
        .describe('Calls of the API from one address (IPv6: one /64).'),
      failedLoginsPerMinute: numeric(z.number().int().min(1).max(1000))
        .default(10)
        .describe('Wrong admin tokens from one address before it is refused for the rest of the minute.'),
    })
    .prefault({}),
  maxConnections: numeric(z.number().int().min(1).max(1_000_000))
    .default(10_000)
    .describe('Connections at a time; more are closed at once.'),
  maxConnectionsPerAddress: numeric(z.number().int().min(1).max(1_000_000))
    .default(1000)
    .describe('The same of one address. Trusted proxies may have all.'),
};

export const admin = z.strictObject({
  token: z
    .string()
    .min(16, 'expected at least 16 characters')
    .optional()
    .meta({ description: "Bearer token of the API's changing calls. See below.", unset: 'generated' }),
  loginHours: numeric(z.number().positive().max(720)).default(12).describe('How long a login to the pages holds.'),
});

const playbackKey = z.strictObject({
  id: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,32}$/, 'expected 1 to 32 letters, digits, hyphens or underscores')
    .describe('Name of the key, a part of the addresses that it signs.'),
  secret: z
    .string()
    .min(32, 'expected at least 32 characters')
    .max(512)
    .describe('What it signs with. The first key signs, all are accepted.'),
});

const playbackKeys = z
  .array(playbackKey)
  .max(10)
  .superRefine((keys, context) => {
    keys.forEach(({ id }, index) => {
      if (keys.findIndex((each) => each.id === id) < index)
        context.addIssue({ code: 'custom', path: [index, 'id'], message: `a second key named ${id}` });
    });
  });

/** `signed`: only who has a URL that one of the keys signed may play and see. */
const access = z.enum(['open', 'signed']);

export const playback = z.strictObject({
  access: access
    .default('open')
    .describe(
      '`signed`: playlists, segments, pictures and the monitor of all streams only for addresses that a key has ' +
        'signed.',
    ),
  /** The first signs, all are accepted. */
  keys: playbackKeys.default([]),
});

/** What one stream has otherwise. */
export const streamPlayback = z.strictObject({
  access: access.optional().describe("This stream's own `playback.access`."),
  keys: playbackKeys.optional().describe("This stream's own keys, in the place of the node's."),
});

type Playback = z.output<typeof playback>;

/** The keys of a stream whose playback is signed; undefined where it is open to everyone. Pure. */
export function playbackKeysOf(node: Playback, stream: z.output<typeof streamPlayback>): Playback['keys'] | undefined {
  if ((stream.access ?? node.access) === 'open') return undefined;
  return stream.keys ?? node.keys;
}
