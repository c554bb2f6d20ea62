import { describe, expect, it, onTestFinished } from 'vitest';
import { checkConfig } from '../../src/config/parse.js';
import { SidepipeError } from '../../src/errors.js';
import { createLogger } from '../../src/telemetry/logger.js';
import type { WebRtcLibrary } from '../../src/webrtc/library.js';
import type { Offer } from '../../src/webrtc/sdp.js';
import { type SessionEnd, type SessionRequest, WebRtcSessions } from '../../src/webrtc/sessions.js';

const offer: Offer = { sdp: 'v=0\r\n', iceUfrag: 'abcd', media: [] };

/** A library whose connections do what a test says. */
function fakeLibrary() {
  const peers: FakePeer[] = [];
  class FakePeer {
    isClosed = false;
    candidates: string[] = [];
    state: (state: string) => void = () => {};
    constructor() {
      peers.push(this);
    }
    onStateChange(listener: (state: string) => void) {
      this.state = listener;
    }
    setRemoteDescription() {}
    addRemoteCandidate(candidate: string) {
      this.candidates.push(candidate);
    }
    gatheringState() {
      return 'complete';
    }
    localDescription() {
      return { type: 'answer', sdp: 'v=0\r\n' };
    }
    close() {
      this.isClosed = true;
    }
  }
  class FakeListener {
    stop() {}
  }
  const library = { PeerConnection: FakePeer, IceUdpMuxListener: FakeListener, getLibraryVersion: () => '1.2.3' };
  return { peers, load: async () => library as unknown as WebRtcLibrary };
}

function open(settings: object = {}, load?: () => Promise<WebRtcLibrary>) {
  const log: Record<string, unknown>[] = [];
  const library = fakeLibrary();
  const { config } = checkConfig({ webrtc: { enabled: true, port: 0, host: '127.0.0.1', ...settings } });
  const sessions = new WebRtcSessions({
    settings: config!.webrtc,
    log: createLogger({ level: 'debug', destination: { write: (line) => void log.push(JSON.parse(line)) } }),
    now: () => 0,
    load: load ?? library.load,
  });
  onTestFinished(() => sessions.close());
  const ends: SessionEnd[] = [];
  const request = (more: Partial<SessionRequest> = {}) =>
    sessions.open({
      kind: 'viewer',
      ...{ stream: 'stage', address: '192.0.2.1', offer, signal: new AbortController().signal },
      prepare: () => ({ closed: (reason) => void ends.push(reason) }),
      ...more,
    });
  return { sessions, request, log, peers: library.peers, ends };
}

const codeOf = (opening: Promise<unknown>) =>
  opening.then(
    () => 'opened',
    (error: unknown) => (error instanceof SidepipeError ? [error.code, error.details['status']] : error),
  );

describe('WebRTC sessions', () => {
  it('have ids that nobody can guess, and end by name', async () => {
    const { sessions, request, ends, peers } = open();
    const [one, other] = [await request(), await request()];
    expect(one.answer).toBe('v=0\r\n');
    expect(one.session.id).toMatch(/^[\w-]{32}$/);
    expect(one.session.id).not.toBe(other.session.id);
    sessions.get(one.session.id)!.close('deleted');
    expect(await one.session.ended).toBe('deleted');
    expect([sessions.get(one.session.id), sessions.size, ends]).toEqual([undefined, 1, ['deleted']]);
    expect(peers.map(({ isClosed }) => isClosed)).toEqual([true, false]);
  });

  it('are limited by node, stream and address, whatever IPv6 address of its network a client uses', async () => {
    const { request } = open({ maxConnections: 4, maxConnectionsPerStream: 3, maxConnectionsPerAddress: 2 });
    await request({ address: '2001:db8::1' });
    await request({ address: '2001:db8::2' });
    expect(await codeOf(request({ address: '2001:db8::3' }))).toEqual(['webrtc-limit-reached', 429]);
    await request();
    expect(await codeOf(request())).toEqual(['webrtc-limit-reached', 503]);
    await request({ stream: 'other' });
    expect(await codeOf(request({ stream: 'other', address: '192.0.2.9' }))).toEqual(['webrtc-limit-reached', 503]);
  });

  it('are limited per kind: viewers keep no publisher out', async () => {
    const { request } = open({ maxConnections: 2, maxConnectionsPerStream: 2, maxConnectionsPerAddress: 2 });
    for (let count = 0; count < 2; count += 1) await request();
    expect(await codeOf(request())).toEqual(['webrtc-limit-reached', 503]);
    for (let count = 0; count < 2; count += 1) await request({ kind: 'publisher' });
    expect(await codeOf(request({ kind: 'publisher' }))).toEqual(['webrtc-limit-reached', 503]);
  });

  it('end when no media connection is established in time', async () => {
    const { request, ends } = open({ connectTimeoutSeconds: 0.02 });
    const { session } = await request();
    expect(await session.ended).toBe('not-connected');
    expect(ends).toEqual(['not-connected']);
  });

  it('end when their connection is lost', async () => {
    const { request, peers } = open();
    const { session } = await request();
    peers[0]!.state('connected');
    expect(session.isConnected).toBe(true);
    peers[0]!.state('failed');
    expect(await session.ended).toBe('disconnected');
  });

  it('leave nothing open after a failure', async () => {
    const { sessions, request, peers } = open();
    const failure = new Error('no track');
    expect(
      await codeOf(
        request({
          prepare: () => {
            throw failure;
          },
        }),
      ),
    ).toBe(failure);
    expect([sessions.size, peers[0]!.isClosed]).toEqual([0, true]);
  });

  it('all end with the node, which accepts no others then', async () => {
    const { sessions, request } = open();
    const opened = [await request(), await request({ kind: 'publisher' })];
    expect([sessions.count('viewer', 'stage'), sessions.count('publisher', 'stage')]).toEqual([1, 1]);
    sessions.close();
    expect(await Promise.all(opened.map(({ session }) => session.ended))).toEqual(['shutdown', 'shutdown']);
    expect(await codeOf(request())).toEqual(['aborted', undefined]);
  });

  it('reject an ICE restart', async () => {
    const { request } = open();
    const { session } = await request();
    expect(() => session.trickle({ iceUfrag: 'abcd', candidates: [] })).not.toThrow();
    expect(() => session.trickle({ iceUfrag: 'other', candidates: [] })).toThrow(/ICE restarts/);
  });

  it('accept 32 candidates, however many requests bring them', async () => {
    const { request, peers } = open();
    const { session } = await request();
    const trickle = (length: number) =>
      session.trickle({
        iceUfrag: undefined,
        candidates: Array.from({ length }, () => ({ mid: '0', candidate: 'c' })),
      });
    for (let count = 0; count < 3; count += 1) trickle(10);
    expect(() => trickle(3)).toThrow(
      expect.objectContaining({ code: 'webrtc-limit-reached', retryable: false, details: { status: 429 } }),
    );
    trickle(2);
    expect(() => trickle(1)).toThrow(/More than 32 candidates/);
    expect(peers[0]!.candidates).toHaveLength(32);
  });

  it('load the library with the first one; where it has no binary, one log line says so', async () => {
    let loads = 0;
    const { request, log } = open({}, async () => {
      loads += 1;
      throw new Error('no binary for linux-arm');
    });
    expect([loads, log]).toEqual([0, []]);
    expect(await codeOf(request())).toEqual(['webrtc-unavailable', undefined]);
    expect(await codeOf(request())).toEqual(['webrtc-unavailable', undefined]);
    expect(loads).toBe(1);
    const lines = log.filter(({ level }) => level === 'warn');
    expect(lines).toMatchObject([{ reason: 'no binary for linux-arm' }]);
  });
});
