import { z } from 'zod';
import { flag, numeric } from './schema-values.js';

/** Who may see and do what. */

const origin = z
  .string()
  .regex(/^(?:\*|https?:\/\/[a-z0-9.-]+(?::\d{1,5})?)$/, 'expected * or an origin such as https://www.example.org');

const network = z.union(
  [z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()],
  'expected an address or a network such as 10.0.0.0/8',
);

/** What `http` has beside its address. */
export const httpAccess = {
  /** Proxies whose word about the client is taken. Unset: none. */
  trustedProxies: z.array(network).max(100).optional(),
  proxyHeaders: z.enum(['x-forwarded', 'forwarded']).default('x-forwarded'),
  /** Sites whose scripts may read playback and the API. */
  cors: z.strictObject({ origins: z.array(origin).max(100).default(['*']) }).prefault({}),
  /** Strict-Transport-Security; sent only where `publicUrl` is https. Unset: not sent. */
  hstsSeconds: numeric(z.number().int().min(0).max(63_072_000)).optional(),
  rateLimit: z
    .strictObject({
      enabled: flag.default(true),
      /** Calls of the API from one address. */
      apiPerMinute: numeric(z.number().int().min(1).max(1_000_000)).default(600),
      /** Wrong admin tokens from one address. */
      failedLoginsPerMinute: numeric(z.number().int().min(1).max(1000)).default(10),
    })
    .prefault({}),
  maxConnections: numeric(z.number().int().min(1).max(1_000_000)).default(10_000),
  maxConnectionsPerAddress: numeric(z.number().int().min(1).max(1_000_000)).default(1000),
};

export const admin = z.strictObject({
  token: z.string().min(16, 'expected at least 16 characters').optional(),
  /** How long a login to the pages holds. */
  loginHours: numeric(z.number().positive().max(720)).default(12),
});

const playbackKey = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9_-]{1,32}$/, 'expected 1 to 32 letters, digits, hyphens or underscores'),
  secret: z.string().min(32, 'expected at least 32 characters').max(512),
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
  access: access.default('open'),
  /** The first signs, all are accepted. */
  keys: playbackKeys.default([]),
});

/** What one stream has otherwise. */
export const streamPlayback = z.strictObject({ access: access.optional(), keys: playbackKeys.optional() });

type Playback = z.output<typeof playback>;

/** The keys of a stream whose playback is signed; undefined where it is open to everyone. Pure. */
export function playbackKeysOf(node: Playback, stream: z.output<typeof streamPlayback>): Playback['keys'] | undefined {
  if ((stream.access ?? node.access) === 'open') return undefined;
  return stream.keys ?? node.keys;
}
