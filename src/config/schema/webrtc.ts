import { z } from 'zod';
import { flag, numeric, port, seconds } from './values.js';

/** WebRTC: WHIP publishers and WHEP viewers. */

const iceServer = z.strictObject({
  url: z
    .string()
    .regex(
      /^(?:stun|turn):(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:]{2,45}\])(?::\d{1,5})?$/,
      'expected a URL such as stun:stun.example.org:3478 or turn:turn.example.org',
    )
    .describe('`stun:host:port` or `turn:host:port`, over UDP. Default port: 3478.'),
  username: z.string().min(1).max(512).optional().describe('TURN only: user name.'),
  credential: z.string().min(1).max(512).optional().describe('TURN only: password.'),
});

export const webrtc = z.strictObject({
  enabled: flag
    .default(false)
    .describe(
      'Enables WebRTC at `/live/{stream}/whip` and `/live/{stream}/whep`. See [WebRTC](webrtc.md). Requires the optional package ' +
        '`node-datachannel`, which is loaded with the first session.',
    ),
  port: port
    .default(8189)
    .describe('UDP port for the media of all WebRTC sessions. 0: any free port. Opened with the first session.'),
  host: z
    .string()
    .min(1)
    .optional()
    .describe('Local address for the media. Unset: all addresses of this machine, without loopback.'),
  publicAddresses: z
    .array(z.union([z.ipv4(), z.ipv6()], 'expected an IP address'))
    .max(8)
    .default([])
    .describe(
      'IP addresses under which clients reach this node, such as the public address of a router that forwards the port. They replace ' +
        'the addresses of this machine in answers.',
    ),
  iceServers: z
    .array(iceServer)
    .max(4)
    .default([])
    .describe(
      'STUN and TURN servers that this node uses to find addresses of its own. Not needed with `webrtc.publicAddresses`.',
    ),
  maxConnections: numeric(z.number().int().min(1).max(10_000))
    .default(200)
    .describe(
      'Maximum number of WebRTC viewers of this node, and of WebRTC publishers: each kind has this limit for itself.',
    ),
  maxConnectionsPerStream: numeric(z.number().int().min(1).max(10_000))
    .default(100)
    .describe('Maximum number of WebRTC sessions of one stream, for viewers and publishers separately.'),
  maxConnectionsPerAddress: numeric(z.number().int().min(1).max(10_000))
    .default(20)
    .describe(
      'Maximum number of WebRTC sessions of one client address (IPv6: one /64), for viewers and publishers separately.',
    ),
  connectTimeoutSeconds: seconds
    .default(15)
    .describe('How long a session may take until its media connection is established.'),
});
