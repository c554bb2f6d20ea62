import { z } from 'zod';
import { flag, numeric } from './values.js';

/** Who is told when something is wrong with a stream, and after how long. */

/** 0: at once. */
const wait = numeric(z.number().min(0).max(86_400));

const webhook = z.strictObject({
  url: z
    .url({ protocol: /^https?$/, error: 'expected an http or https URL' })
    .describe(
      'Where messages are sent by POST: an `http` or `https` URL, with `user:password@` where it asks for that. Redirects are not followed.',
    ),
  secret: z.string().min(16, 'expected at least 16 characters').max(256).describe('Signs each message.'),
  events: z
    .array(
      z.enum([
        'stale',
        'black',
        'flat',
        'frozen',
        'offline',
        'lagging',
        'unreadable',
        'refused',
        'gaps',
        'unpublished',
      ]),
    )
    .nonempty()
    .optional()
    .describe('Which alerts are sent. Unset: all.'),
});

export const alerts = z.strictObject({
  webhooks: z.array(webhook).max(20).default([]),
  staleAfterSeconds: wait
    .default(10)
    .describe('How long a picture is stale (`thumbnail.staleAfterSeconds`) before the alert.'),
  blackAfterSeconds: wait.default(10).describe('How long the picture is black before the alert.'),
  flatAfterSeconds: wait.default(10).describe('How long it is of one shade before the alert.'),
  frozenAfterSeconds: wait
    .default(0)
    .describe('How long it is frozen (`thumbnail.gate.frozenAfterSeconds`) before the alert.'),
  offlineAfterSeconds: wait
    .default(30)
    .describe('How long a stream is not live, or shows the offline picture, before the alert.'),
  laggingAfterSeconds: wait
    .default(30)
    .describe('How long the playlist on the store is more than four target durations behind before the alert.'),
  unreadableAfterSeconds: wait
    .default(0)
    .describe('How long listed objects cannot be read from the store before the alert.'),
  refusedAfterSeconds: wait.default(10).describe('How long the store refuses objects of the stream before the alert.'),
  gapsAfterSeconds: wait
    .default(0)
    .describe('How long segments have been lost, with no half minute without a loss, before the alert.'),
  unpublishedAfterSeconds: wait
    .default(30)
    .describe(
      'How long a published stream is live here while another node has its place on the store before the alert.',
    ),
  clearedAfterSeconds: wait.default(10).describe('How long the condition has to be gone before the alert is over.'),
});

/** What one stream has otherwise. */
export const streamAlerts = z.strictObject({
  enabled: flag.default(true).describe('`false`: no alerts of this stream.'),
  staleAfterSeconds: wait.optional().describe("This stream's own `alerts.staleAfterSeconds`."),
  blackAfterSeconds: wait.optional().describe("This stream's own `alerts.blackAfterSeconds`."),
  flatAfterSeconds: wait.optional().describe("This stream's own `alerts.flatAfterSeconds`."),
  frozenAfterSeconds: wait.optional().describe("This stream's own `alerts.frozenAfterSeconds`."),
  offlineAfterSeconds: wait.optional().describe("This stream's own `alerts.offlineAfterSeconds`."),
  laggingAfterSeconds: wait.optional().describe("This stream's own `alerts.laggingAfterSeconds`."),
  unreadableAfterSeconds: wait.optional().describe("This stream's own `alerts.unreadableAfterSeconds`."),
  refusedAfterSeconds: wait.optional().describe("This stream's own `alerts.refusedAfterSeconds`."),
  gapsAfterSeconds: wait.optional().describe("This stream's own `alerts.gapsAfterSeconds`."),
  unpublishedAfterSeconds: wait.optional().describe("This stream's own `alerts.unpublishedAfterSeconds`."),
  clearedAfterSeconds: wait.optional().describe("This stream's own `alerts.clearedAfterSeconds`."),
});
