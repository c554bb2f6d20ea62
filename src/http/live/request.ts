import type { IncomingMessage } from 'node:http';
import type { Context } from 'hono';
import { type Client, type ClientReader, connectionOf, incomingOf } from '../access/client.js';
import type { RequestFacts } from '../response/respond.js';

/** A request under `/live/`. */
export class LiveRequest implements RequestFacts {
  readonly method: string;
  readonly url: string;
  readonly stream: string;
  /** Undefined for files that the stream has only once. */
  readonly rendition: string | undefined;
  readonly file: string;
  readonly #c: Context;
  readonly #clientOf: ClientReader;
  readonly #incoming: IncomingMessage | undefined;

  constructor(c: Context, clientOf: ClientReader) {
    this.method = c.req.method;
    this.url = c.req.url;
    this.stream = c.req.param('stream') ?? '';
    this.rendition = c.req.param('rendition');
    this.file = c.req.param('file') ?? '';
    this.#c = c;
    this.#clientOf = clientOf;
    this.#incoming = incomingOf(c);
  }

  header(name: string): string | undefined {
    return this.#c.req.header(name);
  }

  query(name: string): string | undefined {
    return this.#c.req.query(name);
  }

  client(): Client {
    return this.#clientOf(connectionOf(this.#c), (name) => this.header(name));
  }

  /** The connection, if it belongs to one client only: a proxy's connection carries the requests of many. */
  get connection(): object | undefined {
    const isForwarded = (this.header('x-forwarded-for') ?? this.header('forwarded')) !== undefined;
    return isForwarded ? undefined : this.#incoming?.socket;
  }

  /** Calls `end` once if the client disconnects. Returns a function that removes the listener. */
  onGone(end: () => void): () => void {
    // The signal of a pipelined request is not aborted: node:http does not close the responses behind the current one. With HTTP/2, a
    // connection outlives its requests, and an embedding server may pass none.
    if (this.#incoming?.httpVersionMajor !== 1) return onAbort(this.#c.req.raw.signal, end);
    const { socket } = this.#incoming;
    socket.once('close', end);
    return () => socket.off('close', end);
  }
}

function onAbort(signal: AbortSignal, end: () => void): () => void {
  signal.addEventListener('abort', end, { once: true });
  return () => signal.removeEventListener('abort', end);
}
