import { z } from 'zod';
import { httpAccess } from './access.js';
import { httpUrl, port } from './values.js';

/** What the node listens on. */

export const http = z.strictObject({
  host: z.string().min(1).default('0.0.0.0').describe('Address to listen on; `127.0.0.1` for this machine only.'),
  port: port.default(8080).describe('Port of pages, streams, API and metrics. 0: any free one.'),
  publicUrl: httpUrl.optional().describe('How the world reaches this node, behind a proxy for instance.'),
  embedOrigins: z
    .array(
      z
        .string()
        .regex(
          /^(?:\*|https?:\/\/(?:\*\.)?[a-z0-9.-]+(?::\d{1,5})?)$/i,
          'expected an origin such as https://example.org, or *',
        ),
    )
    .default(['*'])
    .describe(
      'Origins whose pages may show `/embed/{stream}` in a frame, such as `https://example.org` or ' +
        '`https://*.example.org`. `*`: all; an empty list: none. No other page of the node may be framed.',
    ),
  ...httpAccess,
});

export const rtmp = z.strictObject({
  host: z
    .string()
    .min(1)
    .default('0.0.0.0')
    .describe('Address to listen on for RTMP publishers. Nothing listens while no stream has `source: push`.'),
  port: port.default(1935).describe('Port for RTMP publishers. 0: any free one.'),
});
/** PEM files. */
export const rtmps = z.strictObject({
  port: port.describe('Port for publishers over TLS. Set with its two neighbours, or not at all.'),
  cert: z.string().min(1).describe('PEM file of the certificate chain.'),
  key: z.string().min(1).describe('PEM file of the private key.'),
});
