/** Sends media to a node over WHIP (RFC 9725). */

export interface WhipPublicationOptions {
  readonly url: string;
  readonly key: string;
  readonly media: MediaStream;
  readonly onState: (state: RTCPeerConnectionState) => void;
}

export interface WhipPublication {
  close(): void;
}

/** Candidates that take longer are not needed: the node answers any address that reaches it. */
const GATHERING_MS = 1000;

/** Rejects with the node's reason. */
export async function startPublishing({ url, key, media, onState }: WhipPublicationOptions): Promise<WhipPublication> {
  const peer = new RTCPeerConnection();
  try {
    for (const track of media.getTracks()) {
      const { sender } = peer.addTransceiver(track, { direction: 'sendonly', streams: [media] });
      if (track.kind === 'video') await preferResolution(sender);
    }
    for (const transceiver of peer.getTransceivers()) preferH264(transceiver);
    await peer.setLocalDescription();
    await gathered(peer);
    const response = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/sdp' },
      body: peer.localDescription?.sdp ?? '',
    });
    if (!response.ok) throw new Error(await reasonOf(response));
    const resource = new URL(response.headers.get('location') ?? '', url).href;
    const watch = () => onState(peer.connectionState);
    peer.addEventListener('connectionstatechange', watch);
    await peer.setRemoteDescription({ type: 'answer', sdp: await response.text() });
    return {
      close: () => {
        peer.removeEventListener('connectionstatechange', watch);
        for (const track of media.getTracks()) track.stop();
        const closed = fetch(resource, { method: 'DELETE', keepalive: true });
        void closed.catch(() => {}).finally(() => peer.close());
      },
    };
  } catch (error) {
    peer.close();
    throw error;
  }
}

/** A change of the frame size interrupts players, so the frame rate is lowered first. */
async function preferResolution(sender: RTCRtpSender): Promise<void> {
  try {
    const parameters = sender.getParameters();
    await sender.setParameters({ ...parameters, degradationPreference: 'maintain-resolution' } as RTCRtpSendParameters);
  } catch {
    // The browser does not know it.
  }
}

/** Safari and Firefox list H.264 behind other codecs; the node takes nothing else. */
function preferH264(transceiver: RTCRtpTransceiver): void {
  if (transceiver.sender.track?.kind !== 'video' || !('setCodecPreferences' in transceiver)) return;
  const codecs = RTCRtpSender.getCapabilities('video')?.codecs ?? [];
  const h264 = codecs.filter(({ mimeType }) => mimeType.toLowerCase() === 'video/h264');
  if (h264.length > 0) transceiver.setCodecPreferences(h264);
}

function gathered(peer: RTCPeerConnection): Promise<void> {
  return new Promise((resolve) => {
    const check = () => peer.iceGatheringState === 'complete' && resolve();
    peer.addEventListener('icegatheringstatechange', check);
    setTimeout(resolve, GATHERING_MS);
    check();
  });
}

async function reasonOf(response: Response): Promise<string> {
  const problem: unknown = await response.json().catch(() => undefined);
  const detail = typeof problem === 'object' && problem !== null && 'detail' in problem ? problem.detail : undefined;
  return typeof detail === 'string' ? detail : `The node answered ${response.status}.`;
}
