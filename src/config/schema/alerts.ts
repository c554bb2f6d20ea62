import { z } from 'zod';
import { alertNames } from '../../terms.js';
import { flag, numeric } from './values.js';

/** Alerts: where they are sent, and how long a condition must last before each is raised. */

/** 0: immediately. */
const wait = numeric(z.number().min(0).max(86_400));

const webhook = z.strictObject({
  url: z
    .url({ protocol: /^https?$/, error: 'expected an http or https URL' })
    .describe(
      'URL (`http` or `https`) that receives the alert as a POST request. Add `user:password@` for basic authentication. Redirects are not followed.',
    ),
  secret: z.string().min(16, 'expected at least 16 characters').max(256).describe('Secret that signs each message.'),
  events: z.array(z.enum(alertNames)).nonempty().optional().describe('Alerts to send. Unset: all.'),
});

export const alerts = z.strictObject({
  webhooks: z.array(webhook).max(20).default([]),
  staleAfterSeconds: wait
    .default(10)
    .describe('How long the thumbnail must be stale (`thumbnail.staleAfterSeconds`) before the alert is raised.'),
  blackAfterSeconds: wait.default(10).describe('How long the video must be black before the alert is raised.'),
  flatAfterSeconds: wait.default(10).describe('How long the video must be a single shade before the alert is raised.'),
  frozenAfterSeconds: wait
    .default(0)
    .describe('How long the video must be frozen (`thumbnail.gate.frozenAfterSeconds`) before the alert is raised.'),
  offlineAfterSeconds: wait
    .default(30)
    .describe('How long the stream must be not live, or show the offline image, before the alert is raised.'),
  laggingAfterSeconds: wait
    .default(30)
    .describe(
      'How long the playlist on the store must be more than four target durations behind before the alert is raised.',
    ),
  unreadableAfterSeconds: wait
    .default(0)
    .describe('How long listed objects must be unreadable on the store before the alert is raised.'),
  refusedAfterSeconds: wait
    .default(10)
    .describe('How long the store must reject objects of the stream before the alert is raised.'),
  gapsAfterSeconds: wait
    .default(0)
    .describe('How long segment loss must continue, with no 30 s free of losses, before the alert is raised.'),
  unpublishedAfterSeconds: wait
    .default(30)
    .describe(
      'How long a published stream must be live here while another node owns it on the store before the alert is raised.',
    ),
  clearedAfterSeconds: wait.default(10).describe('How long the condition must be gone before the alert is cleared.'),
});

/** Overrides for one stream. */
export const streamAlerts = z.strictObject({
  enabled: flag.default(true).describe('`false`: no alerts for this stream.'),
  staleAfterSeconds: wait.optional().describe('Overrides `alerts.staleAfterSeconds` for this stream.'),
  blackAfterSeconds: wait.optional().describe('Overrides `alerts.blackAfterSeconds` for this stream.'),
  flatAfterSeconds: wait.optional().describe('Overrides `alerts.flatAfterSeconds` for this stream.'),
  frozenAfterSeconds: wait.optional().describe('Overrides `alerts.frozenAfterSeconds` for this stream.'),
  offlineAfterSeconds: wait.optional().describe('Overrides `alerts.offlineAfterSeconds` for this stream.'),
  laggingAfterSeconds: wait.optional().describe('Overrides `alerts.laggingAfterSeconds` for this stream.'),
  unreadableAfterSeconds: wait.optional().describe('Overrides `alerts.unreadableAfterSeconds` for this stream.'),
  refusedAfterSeconds: wait.optional().describe('Overrides `alerts.refusedAfterSeconds` for this stream.'),
  gapsAfterSeconds: wait.optional().describe('Overrides `alerts.gapsAfterSeconds` for this stream.'),
  unpublishedAfterSeconds: wait.optional().describe('Overrides `alerts.unpublishedAfterSeconds` for this stream.'),
  clearedAfterSeconds: wait.optional().describe('Overrides `alerts.clearedAfterSeconds` for this stream.'),
});
