import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import * as library from 'node-datachannel';
import { onTestFinished } from 'vitest';
import { isRtcp } from '../../src/webrtc/rtp.js';
import { type BackgroundFfmpeg, startFfmpeg } from './background-ffmpeg.js';

/** A real WebRTC publisher: ffmpeg encodes and packetizes, node-datachannel sends. */
export interface WhipClient {
  /** The response to the offer. */
  readonly response: Response;
  readonly body: string;
  /** The URL of the session. */
  readonly resource: string;
  readonly state: () => string;
  /** The RTCP packets that the node has sent. */
  readonly feedback: readonly Buffer[];
  /** Starts the media. Another call replaces what is sent, with further arguments of the video encoder. */
  send(further?: readonly string[]): void;
  /** Closes the peer connection without a DELETE. */
  close(): void;
}

export interface WhipClientOptions {
  /** `http://127.0.0.1:8080/live/stage/whip`. */
  readonly url: string;
  readonly key: string;
  readonly audio?: boolean;
  /** Further arguments of the video encoder. */
  readonly encoder?: readonly string[];
  /** Whether to send an RTP packet. */
  readonly passes?: (packet: Buffer, kind: 'audio' | 'video') => boolean;
}

const VIDEO = { type: 96, ssrc: 1001 } as const;
const AUDIO = { type: 111, ssrc: 1002 } as const;

/** An offer of a publisher, and the peer connection that made it, closed at the test's end. */
export async function makeOffer({ audio = true }: { readonly audio?: boolean } = {}) {
  const peer = new library.PeerConnection('publisher', {
    iceServers: [],
    bindAddress: '127.0.0.1',
    disableAutoNegotiation: true,
  });
  onTestFinished(() => peer.close());
  peer.onStateChange(() => {});
  const video = new library.Video('0', 'SendOnly');
  video.addH264Codec(VIDEO.type, 'level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f');
  video.addSSRC(VIDEO.ssrc, 'publisher', 'publisher', 'video');
  const sound = new library.Audio('1', 'SendOnly');
  sound.addOpusCodec(AUDIO.type);
  sound.addSSRC(AUDIO.ssrc, 'publisher', 'publisher', 'audio');
  const tracks = { video: peer.addTrack(video), audio: audio ? peer.addTrack(sound) : undefined };
  for (const track of [tracks.video, tracks.audio]) track?.onClosed(() => {});
  const gathered = new Promise<void>((resolve) => {
    peer.onGatheringStateChange((state) => state === 'complete' && resolve());
  });
  peer.setLocalDescription('offer');
  await gathered;
  return { peer, tracks, offer: withoutCandidates(peer.localDescription()!.sdp) };
}

/**
 * The library starts ICE before it has stored the description that it is given. On loopback the handshake can be that fast, and fails without the
 * node's fingerprint: so neither side knows where to send packets before that.
 */
export function acceptAnswer(peer: InstanceType<typeof library.PeerConnection>, answer: string): void {
  peer.setRemoteDescription(withoutCandidates(answer), 'answer');
  for (const [, candidate] of answer.matchAll(/^a=(candidate:.*?)\r?$/gm)) peer.addRemoteCandidate(candidate!, '0');
}

export function withoutCandidates(sdp: string): string {
  return sdp.replaceAll(/^a=(?:candidate:.*|end-of-candidates)\r\n/gm, '');
}

/** Posts an offer, and accepts the answer if there is one. */
export async function connectWhip(options: WhipClientOptions): Promise<WhipClient> {
  const { url, key, audio = true, passes = () => true } = options;
  const { peer, tracks, offer } = await makeOffer({ audio });
  const feedback: Buffer[] = [];
  for (const track of [tracks.video, tracks.audio]) track?.onMessage((bytes) => isRtcp(bytes) && feedback.push(bytes));
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/sdp' },
    body: offer,
  });
  const body = await response.text();
  if (response.status === 201) acceptAnswer(peer, body);
  let sender: BackgroundFfmpeg | undefined;
  /** The newest sequence numbers. */
  const last: { audio?: number; video?: number } = {};
  const relay = async (kind: 'audio' | 'video') => {
    const socket = await udpSocket();
    const before = last[kind];
    let offset: number | undefined;
    socket.on('message', (packet) => {
      const track = tracks[kind];
      // Another sender continues the sequence of the first, whose reports say nothing of its timestamps.
      if (track?.isOpen() !== true || (isRtcp(packet) && before !== undefined)) return;
      if (!isRtcp(packet)) {
        const sequence = packet.readUInt16BE(2);
        offset ??= before === undefined ? 0 : before + 1 - sequence;
        last[kind] = (sequence + offset) & 0xffff;
        packet.writeUInt16BE(last[kind], 2);
        if (!passes(packet, kind)) return;
      }
      track.sendMessageBinary(packet);
    });
    return socket.address().port;
  };
  return {
    response,
    body,
    resource: new URL(response.headers.get('location') ?? '', url).href,
    state: () => peer.state(),
    feedback,
    send: (further = []) =>
      void Promise.all([relay('video'), relay('audio')]).then(([video, sound]) => {
        const to = (port: number) => `rtp://127.0.0.1:${port}?rtcpport=${port}&pkt_size=1200`;
        sender?.kill();
        sender = startFfmpeg([
          ...['-re', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25'],
          ...['-re', '-f', 'lavfi', '-i', 'sine=sample_rate=48000'],
          ...['-map', '0', '-c:v', 'libx264', '-profile:v', 'baseline', '-preset', 'ultrafast', '-tune', 'zerolatency'],
          ...['-pix_fmt', 'yuv420p', '-g', '25', ...(options.encoder ?? []), ...further],
          ...['-f', 'rtp', '-payload_type', String(VIDEO.type), '-ssrc', String(VIDEO.ssrc), to(video)],
          ...(audio
            ? [
                ...['-map', '1', '-c:a', 'libopus', '-b:a', '64k'],
                ...['-f', 'rtp', '-payload_type', String(AUDIO.type), '-ssrc', String(AUDIO.ssrc), to(sound)],
              ]
            : []),
        ]);
      }),
    close: () => peer.close(),
  };
}

async function udpSocket(): Promise<Socket> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  onTestFinished(() => void socket.close());
  return socket;
}
