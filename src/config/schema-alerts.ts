import { z } from 'zod';
import { flag, numeric } from './schema-values.js';

/** Who is told when something is wrong with a stream, and after how long. */

/** 0: at once. */
const wait = numeric(z.number().min(0).max(86_400));

const webhook = z.strictObject({
  url: z.url({ protocol: /^https?$/, error: 'expected an http or https URL' }),
  /** Signs each message. */
  secret: z.string().min(16, 'expected at least 16 characters').max(256),
  /** Unset: all. */
  events: z
    .array(z.enum(['stale', 'black', 'flat', 'frozen', 'offline', 'lagging', 'unreadable']))
    .nonempty()
    .optional(),
});

export const alerts = z.strictObject({
  webhooks: z.array(webhook).max(20).default([]),
  /** Counted from when the picture has become stale. */
  staleAfterSeconds: wait.default(10),
  blackAfterSeconds: wait.default(10),
  flatAfterSeconds: wait.default(10),
  frozenAfterSeconds: wait.default(0),
  offlineAfterSeconds: wait.default(30),
  /** Counted from when the playlist on the store is more than four target durations behind. */
  laggingAfterSeconds: wait.default(30),
  unreadableAfterSeconds: wait.default(0),
  /** How long a condition has to be gone before its alert is over. */
  clearedAfterSeconds: wait.default(10),
});

/** What one stream has otherwise. */
export const streamAlerts = z.strictObject({
  enabled: flag.default(true),
  staleAfterSeconds: wait.optional(),
  blackAfterSeconds: wait.optional(),
  flatAfterSeconds: wait.optional(),
  frozenAfterSeconds: wait.optional(),
  offlineAfterSeconds: wait.optional(),
  laggingAfterSeconds: wait.optional(),
  unreadableAfterSeconds: wait.optional(),
  clearedAfterSeconds: wait.optional(),
});
