import { type Command, type ConnectRequest, parseConnect } from './protocol/command.js';
import type { RtmpMessage } from './protocol/message.js';
import * as replies from './protocol/replies.js';
import type { EndReason, Phase, RejectReason, SessionEvent } from './session-types.js';

/** The state and functions that commands use. */
export interface CommandContext {
  readonly apps: readonly string[];
  readonly fourCcs: readonly string[];
  phase: Phase;
  connection: ConnectRequest | undefined;
  /** The publisher sent FCPublish and expects the matching response. */
  fcPublish: boolean;
  publishStreamId: number;
  streams: number;
  send(message: RtmpMessage): void;
  emit(event: SessionEvent): void;
  end(reason: EndReason): void;
}

type Handler = (context: CommandContext, command: Command) => void;

const windowBytes = 2_500_000;
/** ffmpeg adopts the server's chunk size, so a large one saves work on both sides. */
const outgoingChunkBytes = 60_000;
const maxStreams = 8;

const connect: Handler = (context, command) => {
  const request = parseConnect(command);
  if (request === undefined) return context.end('command-malformed');
  if (!context.apps.includes(request.app.split('/')[0] ?? '')) {
    context.send(replies.connectRejected(command.transaction, 'Unknown application.'));
    return context.end('app-unknown');
  }
  const offered = request.fourCcs;
  const agreed = offered?.includes('*') ? context.fourCcs : context.fourCcs.filter((code) => offered?.includes(code));
  context.send(replies.windowAckSize(windowBytes));
  context.send(replies.setPeerBandwidth(windowBytes));
  context.send(replies.setChunkSize(outgoingChunkBytes));
  context.send(replies.connectAccepted(command.transaction, offered === undefined ? undefined : agreed));
  context.connection = request;
  context.phase = 'ready';
};

const acknowledge: Handler = (context, command) => {
  if (command.transaction !== 0) context.send(replies.emptyResult(command.transaction));
};

const fcPublish: Handler = (context, command) => {
  context.fcPublish = true;
  acknowledge(context, command);
};

const createStream: Handler = (context, command) => {
  if (context.streams >= maxStreams) return context.end('command-unexpected');
  context.streams += 1;
  context.send(replies.createStreamResult(command.transaction, context.streams));
};

const publish: Handler = (context, command) => {
  const name = command.values[1];
  context.publishStreamId = command.streamId;
  if (typeof name !== 'string' || name === '' || name.length > 1024 || context.connection === undefined) {
    return refusePublish(context, 'publish-name-invalid');
  }
  const { app, query, encoder } = context.connection;
  context.phase = 'deciding';
  context.emit({ type: 'publish-request', app, query, encoder, streamKey: name });
};

const play: Handler = (context, command) => {
  const { streamId } = command;
  context.send(replies.onStatus(streamId, 'error', 'NetStream.Play.Failed', 'This server only accepts publishers.'));
  context.end('play-unsupported');
};

const unpublish: Handler = (context) => {
  const { publishStreamId } = context;
  context.send(replies.onStatus(publishStreamId, 'status', 'NetStream.Unpublish.Success', 'Stream ended.'));
  context.end('unpublished');
};

const unexpected: Handler = (context) => context.end('command-unexpected');

/**
 * The effect of each command in each phase. Unlisted commands are ignored: publishers call many that no server needs (`_checkbw`,
 * `getStreamLength`, …), and none of them waits for a response.
 */
const table: Readonly<Record<Phase, ReadonlyMap<string, Handler>>> = {
  handshake: new Map(),
  connect: new Map([
    ['connect', connect],
    ['createStream', unexpected],
    ['publish', unexpected],
    ['play', unexpected],
  ]),
  ready: new Map([
    ['connect', unexpected],
    ['releaseStream', acknowledge],
    ['FCPublish', fcPublish],
    ['createStream', createStream],
    ['publish', publish],
    ['play', play],
    ['play2', play],
  ]),
  deciding: new Map([
    ['connect', unexpected],
    ['createStream', unexpected],
    ['publish', unexpected],
    ['play', unexpected],
    ['FCUnpublish', unpublish],
    ['deleteStream', unpublish],
    ['closeStream', unpublish],
  ]),
  publishing: new Map([
    ['connect', unexpected],
    ['createStream', createStream],
    ['publish', unexpected],
    ['play', unexpected],
    ['FCUnpublish', unpublish],
    ['deleteStream', unpublish],
    ['closeStream', unpublish],
  ]),
  ended: new Map(),
};

export function runCommand(context: CommandContext, command: Command): void {
  table[context.phase].get(command.name)?.(context, command);
}

const refusals: Readonly<Record<RejectReason, readonly [code: string, description: string]>> = {
  'bad-key': ['NetStream.Publish.BadName', 'Wrong stream key.'],
  'stream-busy': ['NetStream.Publish.BadName', 'Another publisher is already connected to this stream.'],
  'publish-name-invalid': ['NetStream.Publish.BadName', 'Invalid stream name.'],
  unavailable: ['NetStream.Failed', 'Temporarily unavailable, try again later.'],
};

export function refusePublish(context: CommandContext, reason: RejectReason): void {
  const [code, description] = refusals[reason];
  context.send(replies.onStatus(context.publishStreamId, 'error', code, description));
  context.end(reason);
}

export function confirmPublish(context: CommandContext): void {
  const { publishStreamId: streamId } = context;
  const code = 'NetStream.Publish.Start';
  context.phase = 'publishing';
  context.send(replies.streamBegin(streamId));
  if (context.fcPublish) context.send(replies.onFcPublish(code, 'Publishing.'));
  context.send(replies.onStatus(streamId, 'status', code, 'Publishing.'));
}
