import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AmfValue, decodeAmf0, encodeAmf0 } from '../../../src/ingest/rtmp/protocol/amf0.js';
import { concatBytes, uint32Bytes } from '../../../src/ingest/rtmp/protocol/bytes.js';
import { createChunkReader } from '../../../src/ingest/rtmp/protocol/chunk-reader.js';
import { createChunkWriter } from '../../../src/ingest/rtmp/protocol/chunk-writer.js';
import { messageType, type RtmpMessage } from '../../../src/ingest/rtmp/protocol/message.js';
import { createRtmpSession } from '../../../src/ingest/rtmp/session.js';
import type { SessionEvent, SessionLimits } from '../../../src/ingest/rtmp/session-types.js';
import {
  chunkSizeMessage,
  commandMessage,
  cryptography,
  fakeMedia,
  handshakeEnd,
  handshakeStart,
  mediaMessage,
  metadataMessage,
  object,
  publisherBytes,
  publishMessages,
} from '../../support/rtmp-bytes.js';

const startedAt = 1_000_000;

/** A session past its handshake, spoken to in messages. */
function startSession({ limits, apps }: { limits?: Partial<SessionLimits>; apps?: string[] } = {}) {
  const session = createRtmpSession({ ...cryptography, startedAt, ...(limits && { limits }), ...(apps && { apps }) });
  const writer = createChunkWriter({ compressHeaders: true });
  const reader = createChunkReader({
    chunkStreams: 9,
    messageBytes: 1e5,
    bufferedBytes: 1e5,
    firstAllocationBytes: 64,
  });
  const events: SessionEvent[] = [];
  const answers: (RtmpMessage | { type: number; values: AmfValue[] })[] = [];
  function take(result: ReturnType<typeof session.receive>): void {
    events.push(...result.events);
    reader.feed(concatBytes(result.outgoing));
    for (let message = reader.next(); message !== undefined; message = reader.next()) {
      const isCommand = message.type === messageType.commandAmf0;
      answers.push(isCommand ? { type: message.type, values: decodeAmf0(message.payload)! } : message);
    }
  }
  session.receive(concatBytes([handshakeStart(), handshakeEnd()]), startedAt);
  return {
    session,
    events,
    answers,
    take,
    send: (...messages: RtmpMessage[]) =>
      take(session.receive(concatBytes(messages.map((message) => writer.write(message))), startedAt)),
    commands: () => answers.flatMap((answer) => ('values' in answer ? [answer.values] : [])),
    codes: () =>
      answers.flatMap((answer) => {
        const info = 'values' in answer ? answer.values.at(-1) : undefined;
        return info instanceof Map ? [info.get('code')] : [];
      }),
    ends: () => events.filter((event) => event.type === 'end').map((event) => event.reason),
  };
}

function startPublishing(options?: Parameters<typeof startSession>[0]) {
  const peer = startSession(options);
  peer.send(...publishMessages('cam?key=secret'));
  peer.take(peer.session.accept(startedAt));
  return peer;
}

describe('session', () => {
  it('asks before it answers a publish', () => {
    const peer = startSession();
    peer.send(...publishMessages('cam?key=secret'));
    expect(peer.events).toEqual([
      {
        type: 'publish-request',
        app: 'live',
        query: '',
        streamKey: 'cam?key=secret',
        encoder: 'FMLE/3.0 (compatible; test)',
      },
    ]);
    expect(peer.session.phase).toBe('deciding');
    expect(peer.codes()).toEqual(['NetConnection.Connect.Success']);
    peer.take(peer.session.accept(startedAt));
    expect(peer.codes().slice(1)).toEqual(['NetStream.Publish.Start', 'NetStream.Publish.Start']);
    expect(peer.commands().map(([name]) => name)).toEqual([
      '_result',
      '_result',
      '_result',
      '_result',
      'onFCPublish',
      'onStatus',
    ]);
    expect(peer.session.phase).toBe('publishing');
  });

  it('understands a current OBS: FourCCs, metadata, AMF3-numbered commands and media', () => {
    const peer = startSession();
    // What OBS 30 sends with its librtmp, command for command.
    const connect = object({
      app: 'live',
      type: 'nonprivate',
      flashVer: 'FMLE/3.0 (compatible; FMSc/1.0)',
      swfUrl: 'rtmp://example.org/live',
      tcUrl: 'rtmp://example.org/live',
      capsEx: 0,
      fourCcList: ['av01', 'vp09', 'hvc1', 'xxxx'],
    });
    peer.send(
      chunkSizeMessage(4096),
      commandMessage(0, 'connect', 1, connect),
      commandMessage(0, 'releaseStream', 2, null, 'secret'),
      commandMessage(0, 'FCPublish', 3, null, 'secret'),
      commandMessage(0, 'createStream', 4, null),
      commandMessage(0, '_checkbw', 5, null),
      commandMessage(1, 'publish', 6, null, 'secret', 'live'),
    );
    const [, , , info] = peer.commands()[0]!;
    expect((info as ReadonlyMap<string, AmfValue>).get('fourCcList')).toEqual(['hvc1', 'av01', 'vp09']);
    peer.take(peer.session.accept(startedAt));
    const hevc = Uint8Array.of(0x90, 0x68, 0x76, 0x63, 0x31, 1, 2, 3);
    peer.send(
      metadataMessage({ duration: 0, width: 1280, height: 720, encoder: 'obs-output module (libobs version 30.2.0)' }),
      mediaMessage('video', 0, hevc),
      mediaMessage('audio', 21, Uint8Array.of(0xaf, 1, 9)),
    );
    const [, metadata, video, audio] = peer.events;
    expect(metadata).toMatchObject({ type: 'metadata' });
    expect(metadata?.type === 'metadata' && metadata.values.get('width')).toBe(1280);
    expect(metadata?.type === 'metadata' && decodeAmf0(metadata.payload)?.[0]).toBe('onMetaData');
    expect(video).toEqual({ type: 'video', timestamp: 0, payload: hevc });
    expect(audio).toEqual({ type: 'audio', timestamp: 21, payload: Uint8Array.of(0xaf, 1, 9) });
    peer.send(commandMessage(0, 'FCUnpublish', 7, null, 'secret'), commandMessage(0, 'deleteStream', 8, null, 1));
    expect(peer.ends()).toEqual(['unpublished']);
    expect(peer.codes().at(-1)).toBe('NetStream.Unpublish.Success');
  });

  it('takes commands and data of the AMF3 types', () => {
    const peer = startSession();
    const amf3 = (message: RtmpMessage, type: number) => ({
      ...message,
      type,
      payload: concatBytes([Uint8Array.of(0), message.payload]),
    });
    peer.send(...publishMessages('key').map((message) => amf3(message, messageType.commandAmf3)));
    peer.take(peer.session.accept(startedAt));
    peer.send(amf3(metadataMessage({ width: 5 }), messageType.dataAmf3));
    expect(peer.events.map((event) => event.type)).toEqual(['publish-request', 'metadata']);
  });

  it('takes the application from tcUrl where there is no app, and keeps its query apart', () => {
    const peer = startSession();
    peer.send(
      commandMessage(0, 'connect', 1, object({ tcUrl: 'rtmp://h:1935/live/cam?key=k' })),
      commandMessage(1, 'publish', 2, null, 'cam'),
    );
    expect(peer.events).toMatchObject([{ type: 'publish-request', app: 'live/cam', query: 'key=k' }]);
  });

  it('refuses an unknown application', () => {
    const peer = startSession();
    peer.send(commandMessage(0, 'connect', 1, object({ app: 'other' })));
    expect(peer.codes()).toEqual(['NetConnection.Connect.Rejected']);
    expect(peer.ends()).toEqual(['app-unknown']);
  });

  it.each([
    ['bad-key', 'NetStream.Publish.BadName'],
    ['stream-busy', 'NetStream.Publish.BadName'],
    ['unavailable', 'NetStream.Failed'],
  ] as const)('refuses to publish: %s', (reason, code) => {
    const peer = startSession();
    peer.send(...publishMessages('secret-key'));
    peer.take(peer.session.reject(reason));
    expect(peer.codes().at(-1)).toBe(code);
    expect(peer.ends()).toEqual([reason]);
    expect(JSON.stringify(peer.commands().map((values) => values.map(String)))).not.toContain('secret-key');
  });

  it('hands on what came between the request and its answer, after the answer', () => {
    const peer = startSession();
    peer.send(...publishMessages('key'), ...fakeMedia({ frames: 3 }));
    expect(peer.events).toHaveLength(1);
    expect(peer.session.bufferedBytes).toBeGreaterThan(3000);
    peer.take(peer.session.accept(startedAt));
    expect(peer.events).toHaveLength(1 + 9);
    expect(peer.session.bufferedBytes).toBe(0);
  });

  it('gives no media of one who was refused, or never asked', () => {
    const refused = startSession();
    refused.send(...publishMessages('key'), ...fakeMedia({ frames: 3 }));
    refused.take(refused.session.reject('bad-key'));
    refused.send(...fakeMedia({ frames: 3 }));
    expect(refused.events.map((event) => event.type)).toEqual(['publish-request', 'end']);
    const silent = startSession();
    silent.send(...publishMessages('key').slice(0, 4), ...fakeMedia({ frames: 3 }));
    expect(silent.events).toEqual([]);
  });

  it('splits aggregates', () => {
    const peer = startPublishing();
    const part = (type: number, at: number, byte: number) =>
      Uint8Array.of(type, 0, 0, 2, 0, 0, at, 0, 0, 0, 0, byte, byte, 0, 0, 0, 13);
    const payload = concatBytes([part(9, 100, 0x17), part(8, 110, 0xaf)]);
    peer.send({ chunkStreamId: 6, type: messageType.aggregate, streamId: 1, timestamp: 500, payload });
    expect(peer.events.slice(1)).toEqual([
      { type: 'video', timestamp: 500, payload: Uint8Array.of(0x17, 0x17) },
      { type: 'audio', timestamp: 510, payload: Uint8Array.of(0xaf, 0xaf) },
    ]);
    peer.send({
      chunkStreamId: 6,
      type: messageType.aggregate,
      streamId: 1,
      timestamp: 0,
      payload: payload.subarray(3),
    });
    expect(peer.ends()).toEqual(['aggregate-malformed']);
  });

  it('answers pings, and acknowledges what came by the window of the peer', () => {
    const peer = startPublishing();
    peer.send({
      chunkStreamId: 2,
      type: messageType.userControl,
      streamId: 0,
      timestamp: 0,
      payload: Uint8Array.of(0, 6, 1, 2, 3, 4),
    });
    expect(peer.answers.at(-1)).toMatchObject({ type: 4, payload: Uint8Array.of(0, 7, 1, 2, 3, 4) });
    const before = peer.answers.length;
    peer.send({ ...chunkSizeMessage(0), type: messageType.windowAckSize, payload: uint32Bytes(10_000) });
    expect(peer.answers).toHaveLength(before);
    peer.send(...fakeMedia({ frames: 12 }));
    expect(peer.answers.slice(before).map((answer) => answer.type)).toEqual([messageType.acknowledgement]);
    peer.send(...fakeMedia({ frames: 1 }));
    expect(peer.answers.slice(before)).toHaveLength(1);
  });

  it('ignores what it does not know', () => {
    const peer = startPublishing();
    peer.send(
      commandMessage(0, 'somethingNew', 9, null),
      { chunkStreamId: 3, type: 99, streamId: 0, timestamp: 0, payload: new Uint8Array(5) },
      { chunkStreamId: 3, type: messageType.commandAmf0, streamId: 0, timestamp: 0, payload: Uint8Array.of(2, 0) },
      { chunkStreamId: 4, type: messageType.dataAmf0, streamId: 1, timestamp: 0, payload: encodeAmf0('onCuePoint') },
      mediaMessage('audio', 0, new Uint8Array(0)),
    );
    expect(peer.events).toHaveLength(1);
    expect(peer.session.phase).toBe('publishing');
  });

  it.each([
    ['publish before connect', 'command-unexpected', [commandMessage(1, 'publish', 2, null, 'key')]],
    ['a command that is none', 'command-malformed', [{ ...commandMessage(0), payload: Uint8Array.of(0, 1) }]],
    ['connect without properties', 'command-malformed', [commandMessage(0, 'connect', 1)]],
    ['a second connect', 'command-unexpected', [publishMessages('k')[0]!, publishMessages('k')[0]!]],
    ['a second publish', 'command-unexpected', [...publishMessages('k'), commandMessage(1, 'publish', 9, null, 'k')]],
    [
      'publish without a name',
      'publish-name-invalid',
      [publishMessages('')[0]!, commandMessage(1, 'publish', 9, null)],
    ],
    [
      'streams without end',
      'command-unexpected',
      [publishMessages('k')[0]!, ...Array(9).fill(publishMessages('k')[3]!)],
    ],
    ['play', 'play-unsupported', [publishMessages('k')[0]!, commandMessage(1, 'play', 9, null, 'k')]],
    ['commands without end', 'commands-before-publish', Array.from({ length: 65 }, () => commandMessage(0, 'x', 1))],
    ['media without end', 'bytes-before-publish', fakeMedia({ frames: 130 })],
  ] as const)('ends with %s', (_, reason, messages) => {
    const peer = startSession();
    peer.send(...messages);
    expect(peer.ends()).toEqual([reason]);
    expect(peer.session.phase).toBe('ended');
    expect(peer.session.bufferedBytes).toBe(0);
    // And nothing comes after the end.
    peer.send(...publishMessages('key'));
    peer.take(peer.session.accept(startedAt));
    peer.take(peer.session.close('stopped'));
    expect(peer.ends()).toHaveLength(1);
    expect(peer.events.at(-1)?.type).toBe('end');
  });

  it('takes long messages from those who have been let in, up to a limit too', () => {
    const peer = startPublishing({ limits: { messageBytes: 300_000 } });
    peer.send(mediaMessage('video', 0, new Uint8Array(300_000)));
    expect(peer.events.at(-1)).toMatchObject({ type: 'video', payload: { length: 300_000 } });
    peer.send(mediaMessage('video', 0, new Uint8Array(300_001)));
    expect(peer.ends()).toEqual(['message-too-large']);
    const stranger = startSession({ limits: { messageBytes: 300_000 } });
    stranger.send({ ...mediaMessage('video', 0, new Uint8Array(0)), payload: new Uint8Array(131_073) });
    expect(stranger.ends()).toEqual(['bytes-before-publish']);
  });

  it('has deadlines for the handshake, the publish and silence', () => {
    const limits = { handshakeTimeoutMs: 100, publishTimeoutMs: 200, idleTimeoutMs: 300 };
    const fresh = createRtmpSession({ ...cryptography, startedAt, limits });
    expect(fresh.deadline).toBe(startedAt + 100);
    expect(fresh.tick(startedAt + 99).events).toEqual([]);
    expect(fresh.tick(startedAt + 100).events).toEqual([{ type: 'end', reason: 'handshake-timeout' }]);

    const idle = startSession({ limits });
    // Bytes do not buy time.
    idle.send(...publishMessages('k').slice(0, 2));
    expect(idle.session.deadline).toBe(startedAt + 200);
    idle.take(idle.session.tick(startedAt + 200));
    expect(idle.ends()).toEqual(['publish-timeout']);

    const publishing = startPublishing({ limits });
    publishing.take(publishing.session.receive(new Uint8Array(0), startedAt + 1000));
    expect(publishing.session.deadline).toBe(startedAt + 1300);
    publishing.take(publishing.session.tick(startedAt + 1300));
    expect(publishing.ends()).toEqual(['idle-timeout']);
  });

  it('tells a publisher why it is closed', () => {
    const peer = startPublishing();
    peer.take(peer.session.close('taken-over'));
    expect(peer.codes().at(-1)).toBe('NetStream.Publish.BadName');
    expect(peer.ends()).toEqual(['taken-over']);
  });

  it('keeps to its phases and ends once, in whatever order its methods are called', () => {
    const publishing = publisherBytes('key', fakeMedia({ frames: 2 }));
    const call = fc.oneof(
      fc.nat(publishing.length).map((length) => ({ name: 'receive' as const, length })),
      fc
        .constantFrom('accept' as const, 'reject' as const, 'close' as const, 'tick' as const)
        .map((name) => ({ name })),
    );
    fc.assert(
      fc.property(fc.array(call, { maxLength: 12 }), (calls) => {
        const session = createRtmpSession({ ...cryptography, startedAt });
        const types: string[] = [];
        let at = 0;
        for (const step of calls) {
          const before = session.phase;
          let result: ReturnType<typeof session.receive>;
          if (step.name === 'receive') {
            result = session.receive(publishing.subarray(at, at + step.length), startedAt);
            at += step.length;
          } else if (step.name === 'accept') result = session.accept(startedAt);
          else if (step.name === 'reject') result = session.reject('bad-key');
          else if (step.name === 'close') result = session.close('stopped');
          else result = session.tick(startedAt + 6000);
          types.push(...result.events.map((event) => event.type));
          if (session.phase === 'publishing' && before !== 'publishing') expect(before).toBe('deciding');
          if (before === 'ended') expect(result).toEqual({ outgoing: [], events: [] });
        }
        const media = types.findIndex((type) => type !== 'publish-request' && type !== 'end');
        if (media >= 0) expect(types[0]).toBe('publish-request');
        expect(types.filter((type) => type === 'end').length).toBe(session.phase === 'ended' ? 1 : 0);
      }),
      { numRuns: 500 },
    );
  });
});
