import type { PublisherCloseReason } from '../publisher.js';
import { splitAggregate } from './protocol/aggregate.js';
import { decodeAmf0, decodeLeadingString } from './protocol/amf0.js';
import { readUint32 } from './protocol/bytes.js';
import { type ChunkLimits, createChunkReader } from './protocol/chunk-reader.js';
import { createChunkWriter } from './protocol/chunk-writer.js';
import { amf0Payload, isAmfObject, parseCommand } from './protocol/command.js';
import { createServerHandshake } from './protocol/handshake.js';
import { messageType, type RtmpMessage, type ViolationCode } from './protocol/message.js';
import * as replies from './protocol/replies.js';
import { type CommandContext, confirmPublish, refusePublish, runCommand } from './session-commands.js';
import {
  defaultSessionLimits,
  type MediaEvent,
  type MetadataEvent,
  type RtmpSession,
  type SessionEvent,
  type SessionLimits,
  type SessionOptions,
  type SessionResult,
} from './session-types.js';

const defaultFourCcs = ['avc1', 'hvc1', 'av01', 'vp09', 'mp4a', 'Opus', 'ac-3', 'ec-3', 'fLaC'];
/** Metadata is small; a longer message is ignored. */
const maxMetadataBytes = 65_536;
/** The memory overhead of a buffered event. */
const eventOverheadBytes = 128;

const closings: Readonly<Record<PublisherCloseReason, readonly [code: string, description: string]>> = {
  'taken-over': ['NetStream.Publish.BadName', 'Another publisher took over this stream.'],
  shutdown: ['NetConnection.Connect.AppShutdown', 'The server is shutting down.'],
  stopped: ['NetStream.Unpublish.Success', 'The stream was stopped.'],
  'source-unsupported': ['NetStream.Failed', 'This server does not support these codecs.'],
  'picture-too-large': ['NetStream.Failed', 'The frame size exceeds the limit of this server.'],
  'settings-unsuited': ['NetStream.Failed', "This media conflicts with the stream's settings."],
};

/** One RTMP peer as a state table: bytes in, bytes and events out, no I/O and no clock. */
export function createRtmpSession(options: SessionOptions): RtmpSession {
  const limits: SessionLimits = { ...defaultSessionLimits, ...options.limits };
  const handshake = createServerHandshake(options);
  const reader = createChunkReader(limitsBeforePublish(limits));
  const writer = createChunkWriter();

  let outgoing: Uint8Array[] = [];
  let events: SessionEvent[] = [];
  /** Media received between the request and the response. */
  let held: (MediaEvent | MetadataEvent)[] = [];
  let heldBytes = 0;
  let receivedBytes = 0;
  let acknowledgedBytes = 0;
  let peerWindowBytes = 0;
  let commands = 0;
  let lastReceivedAt = options.startedAt;

  const context: CommandContext = {
    apps: options.apps ?? ['live'],
    fourCcs: options.fourCcs ?? defaultFourCcs,
    phase: 'handshake',
    connection: undefined,
    fcPublish: false,
    publishStreamId: 0,
    streams: 0,
    send: (message) => outgoing.push(writer.write(message)),
    emit: (event) => events.push(event),
    end(reason) {
      if (context.phase === 'ended') return;
      context.phase = 'ended';
      held = [];
      heldBytes = 0;
      events.push({ type: 'end', reason });
    },
  };

  function result(): SessionResult {
    const taken = { outgoing, events };
    outgoing = [];
    events = [];
    return taken;
  }

  const isBeforePublish = () => context.phase !== 'publishing' && context.phase !== 'ended';

  function takeMessages(bytes: Uint8Array): void {
    reader.feed(bytes);
    while (context.phase !== 'ended') {
      const message = reader.next();
      if (message === undefined) break;
      takeMessage(message);
    }
    if (reader.violation !== undefined) context.end(reader.violation);
  }

  /** Unlisted messages are ignored: acknowledgements, peer bandwidth, shared objects and future types. */
  const takers: ReadonlyMap<number, (message: RtmpMessage) => void> = new Map([
    [messageType.audio, ({ timestamp, payload }) => takeMedia({ type: 'audio', timestamp, payload })],
    [messageType.video, ({ timestamp, payload }) => takeMedia({ type: 'video', timestamp, payload })],
    [messageType.dataAmf0, takeData],
    [messageType.dataAmf3, takeData],
    [messageType.commandAmf0, takeCommand],
    [messageType.commandAmf3, takeCommand],
    [messageType.aggregate, takeAggregate],
    [messageType.windowAckSize, takeWindowSize],
    [messageType.userControl, takeUserControl],
  ]);

  function takeMessage(message: RtmpMessage): void {
    takers.get(message.type)?.(message);
  }

  function takeAggregate(message: RtmpMessage): void {
    const parts = splitAggregate(message);
    if (parts === undefined) context.end('aggregate-malformed');
    else parts.forEach(takeMessage);
  }

  function takeWindowSize({ payload }: RtmpMessage): void {
    if (payload.length < 4) context.end('control-message-invalid');
    else peerWindowBytes = readUint32(payload, 0);
  }

  function takeUserControl({ payload }: RtmpMessage): void {
    const isPing = payload[0] === 0 && payload[1] === 6;
    if (payload.length < 2) context.end('control-message-invalid');
    else if (isPing && payload.length >= 6) context.send(replies.pingResponse(payload.subarray(2)));
  }

  function takeCommand(message: RtmpMessage): void {
    commands += 1;
    const command = parseCommand(message);
    if (isBeforePublish() && commands > limits.commandsBeforePublish) context.end('commands-before-publish');
    else if (command !== undefined) runCommand(context, command);
    // An accepted publisher is not disconnected for a malformed notification.
    else if (isBeforePublish()) context.end('command-malformed');
  }

  function takeMedia(event: MediaEvent | MetadataEvent): void {
    if (event.payload.length === 0) return;
    if (context.phase === 'publishing') {
      events.push(event);
    } else if (context.phase === 'deciding') {
      heldBytes += event.payload.length + eventOverheadBytes;
      if (heldBytes > limits.bufferedBytes / 2) context.end('buffer-limit');
      else held.push(event);
    }
  }

  function takeData(message: RtmpMessage): void {
    let payload = amf0Payload(message);
    if (payload.length > maxMetadataBytes) return;
    let head = decodeLeadingString(payload);
    if (head?.text === '@setDataFrame') {
      payload = payload.subarray(head.end);
      head = decodeLeadingString(payload);
    }
    if (head?.text !== 'onMetaData') return;
    const values = decodeAmf0(payload)?.find(isAmfObject);
    if (values !== undefined) takeMedia({ type: 'metadata', timestamp: message.timestamp, payload, values });
  }

  function deadline(): number | undefined {
    if (context.phase === 'handshake') return options.startedAt + limits.handshakeTimeoutMs;
    if (context.phase === 'connect' || context.phase === 'ready') return options.startedAt + limits.publishTimeoutMs;
    return context.phase === 'publishing' ? lastReceivedAt + limits.idleTimeoutMs : undefined;
  }

  return {
    get phase() {
      return context.phase;
    },
    get deadline() {
      return deadline();
    },
    get bufferedBytes() {
      return context.phase === 'ended' ? 0 : handshake.bufferedBytes + reader.bufferedBytes + heldBytes;
    },
    receive(bytes, now) {
      if (context.phase === 'ended') return result();
      lastReceivedAt = now;
      receivedBytes += bytes.length;
      if (isBeforePublish() && receivedBytes > limits.bytesBeforePublish) {
        context.end('bytes-before-publish');
        return result();
      }
      let rest = bytes;
      if (context.phase === 'handshake') {
        const step = handshake.receive(bytes);
        if (step.outgoing.length > 0) outgoing.push(step.outgoing);
        if (handshake.violation !== undefined) context.end(handshake.violation);
        if (!handshake.done) return result();
        context.phase = 'connect';
        rest = bytes.subarray(step.consumed);
      }
      takeMessages(rest);
      // At most one per call, so that a tiny window cannot cause work.
      if (peerWindowBytes > 0 && receivedBytes - acknowledgedBytes >= peerWindowBytes && !isEnded(context)) {
        acknowledgedBytes = receivedBytes;
        context.send(replies.acknowledgement(receivedBytes >>> 0));
      }
      return result();
    },
    tick(now) {
      const due = deadline();
      if (due !== undefined && now >= due) context.end(timeoutOf(context));
      return result();
    },
    accept(now) {
      if (context.phase !== 'deciding') return result();
      lastReceivedAt = now;
      confirmPublish(context);
      reader.setLimits(limitsWhilePublishing(limits));
      events.push(...held);
      held = [];
      heldBytes = 0;
      return result();
    },
    reject(reason) {
      if (context.phase === 'deciding') refusePublish(context, reason);
      return result();
    },
    close(reason, told) {
      if (context.phase === 'deciding' || context.phase === 'publishing') {
        const [code, description] = closings[reason];
        const level = reason === 'stopped' ? 'status' : 'error';
        context.send(replies.onStatus(context.publishStreamId, level, code, told ?? description));
      }
      context.end(reason);
      return result();
    },
  };
}

const isEnded = (context: CommandContext) => context.phase === 'ended';

function timeoutOf(context: CommandContext): ViolationCode {
  if (context.phase === 'handshake') return 'handshake-timeout';
  return context.phase === 'publishing' ? 'idle-timeout' : 'publish-timeout';
}

function limitsBeforePublish(limits: SessionLimits): ChunkLimits {
  const messageBytes = Math.min(limits.messageBytes, limits.bytesBeforePublish);
  const bufferedBytes = limits.bufferedBytes / 2;
  return { chunkStreams: limits.chunkStreams, messageBytes, bufferedBytes, firstAllocationBytes: 512 };
}

/**
 * Half of the memory is for unfinished messages, the other half for events buffered before the response. Most frames fit into the initial
 * allocation, so that they are not copied while they grow.
 */
function limitsWhilePublishing(limits: SessionLimits): ChunkLimits {
  const { chunkStreams, messageBytes, bufferedBytes } = limits;
  return { chunkStreams, messageBytes, bufferedBytes, firstAllocationBytes: 65_536 };
}
