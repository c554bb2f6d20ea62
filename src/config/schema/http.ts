import { z } from 'zod';
import { httpAccess } from './access.js';
import { httpUrl, port } from './values.js';

/** The listeners: HTTP, RTMP and RTMPS. */

export const http = z.strictObject({
  host: z
    .string()
    .min(1)
    .default('0.0.0.0')
    .describe('Address to listen on. `127.0.0.1`: reachable from this machine only.'),
  port: port.default(8080).describe('Port for pages, streams, API and metrics. 0: any free port.'),
  publicUrl: httpUrl.optional().describe('Public base URL of this node, for example behind a proxy.'),
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
      'Origins that may show `/embed/{stream}` in a frame, such as `https://example.org` or `https://*.example.org`. ' +
        '`*`: all; an empty list: none. No other page of the node can be framed.',
    ),
  ...httpAccess,
});

export const rtmp = z.strictObject({
  host: z
    .string()
    .min(1)
    .default('0.0.0.0')
    .describe('Address to listen on for RTMP publishers. Used only while a stream has `source: push`.'),
  port: port.default(1935).describe('Port for RTMP publishers. 0: any free port.'),
});
/** PEM files. */
export const rtmps = z.strictObject({
  port: port.describe('Port for RTMP publishers over TLS. Requires `rtmps.cert` and `rtmps.key`.'),
  cert: z.string().min(1).describe('PEM file with the certificate chain.'),
  key: z.string().min(1).describe('PEM file with the private key.'),
});
