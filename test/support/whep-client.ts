import * as library from 'node-datachannel';
import { onTestFinished } from 'vitest';
import { isRtcp, parseRtp, type RtpPacket } from '../../src/webrtc/rtp.js';
import { acceptAnswer, withoutCandidates } from './whip-client.js';

/** A real WebRTC viewer: node-datachannel receives RTP. */
export interface WhepClient {
  /** The response to the offer. */
  readonly response: Response;
  readonly body: string;
  /** The URL of the session. */
  readonly resource: string;
  readonly state: () => string;
  /** What has arrived so far. */
  readonly packets: { readonly video: readonly RtpPacket[]; readonly audio: readonly RtpPacket[] };
  /** Sends an RTCP packet to the node. */
  feedback(bytes: Uint8Array): void;
  /** Closes the peer connection without a DELETE. */
  close(): void;
}

export interface WhepClientOptions {
  /** `http://127.0.0.1:8080/live/cam/whep`. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly audio?: 'opus' | 'pcmu' | 'pcma' | 'none';
  /** The `a=fmtp` of H.264. */
  readonly profile?: string;
}

const VIDEO_TYPE = 102;
const AUDIO = { opus: 111, pcmu: 0, pcma: 8 } as const;

/** An offer of a viewer, and the peer connection that made it, closed at the test's end. */
export async function makeViewerOffer({ audio = 'opus', profile }: Omit<WhepClientOptions, 'url'> = {}) {
  const peer = new library.PeerConnection('viewer', {
    iceServers: [],
    bindAddress: '127.0.0.1',
    disableAutoNegotiation: true,
  });
  onTestFinished(() => peer.close());
  peer.onStateChange(() => {});
  const video = new library.Video('0', 'RecvOnly');
  video.addH264Codec(VIDEO_TYPE, profile ?? 'level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f');
  const sound = new library.Audio('1', 'RecvOnly');
  if (audio === 'opus') sound.addOpusCodec(AUDIO.opus);
  else if (audio !== 'none') sound.addAudioCodec(AUDIO[audio], audio.toUpperCase());
  const tracks = {
    video: peer.addTrack(video),
    audio: audio === 'none' ? undefined : peer.addTrack(sound),
  };
  for (const track of [tracks.video, tracks.audio]) track?.onClosed(() => {});
  const gathered = new Promise<void>((resolve) => {
    peer.onGatheringStateChange((state) => state === 'complete' && resolve());
  });
  peer.setLocalDescription('offer');
  await gathered;
  return { peer, tracks, offer: withoutCandidates(peer.localDescription()!.sdp) };
}

/** Posts an offer, and accepts the answer if there is one. */
export async function connectWhep({ url, headers = {}, ...options }: WhepClientOptions): Promise<WhepClient> {
  const { peer, tracks, offer } = await makeViewerOffer(options);
  const packets = { video: [] as RtpPacket[], audio: [] as RtpPacket[] };
  for (const kind of ['video', 'audio'] as const) {
    tracks[kind]?.onMessage((bytes) => {
      const packet = isRtcp(bytes) ? undefined : parseRtp(bytes);
      if (packet !== undefined) packets[kind].push(packet);
    });
  }
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/sdp', ...headers },
    body: offer,
  });
  const body = await response.text();
  const resource = new URL(response.headers.get('location') ?? '', url).href;
  if (response.status === 201) acceptAnswer(peer, body);
  return {
    ...{ response, body, packets, resource },
    state: () => peer.state(),
    feedback: (bytes) => void tracks.video.sendMessageBinary(Buffer.from(bytes)),
    close: () => peer.close(),
  };
}
