import type { IncomingMessage } from 'node:http';
import type { Client } from '../access/client.js';
import type { AppContext } from '../context.js';
import { type Answer, type Answerer, problemAnswer } from '../response/answer.js';
import { problemOf } from '../response/problem.js';
import { requestIdFrom } from '../response/request-id.js';
import { answerLive, type LiveRequest } from './live.js';

/** A file of a stream, or of one of its renditions. Other spellings (percent signs, dots) are left to the app. */
const plainAddress = /^\/live\/([a-z0-9][a-z0-9-]*)\/(?:([A-Za-z0-9_-]+)\/)?([A-Za-z0-9_-]+\.[A-Za-z0-9]+)(?:\?(.*))?$/;

/**
 * Handles requests under `/live/` for the node's own listener, which receives most of them, without the app and its `Request`
 * and `Response`. The app uses the same function. Undefined for all other requests.
 */
export function createDirectAnswerer(context: AppContext): Answerer {
  const { cors, log } = context;

  function finish(answer: Answer, incoming: IncomingMessage): Answer {
    return cors === undefined ? answer : cors.narrow(answer, incoming.headers.origin);
  }

  function failed(error: unknown, incoming: IncomingMessage): Answer {
    const problem = problemOf(error);
    const path = (incoming.url ?? '').split('?', 1)[0];
    if (problem.status < 500) return problemAnswer(problem, incoming.url ?? '/');
    const requestId = requestIdFrom(incoming.headersDistinct['x-request-id']?.[0]);
    log.error({ err: error, requestId, method: incoming.method, path }, 'request failed');
    const headers = { ...problem.headers, 'x-request-id': requestId };
    return problemAnswer({ ...problem, headers }, incoming.url ?? '/');
  }

  return (incoming) => {
    if (incoming.method !== 'GET' && incoming.method !== 'HEAD') return undefined;
    const [, stream, rendition, file, search] = plainAddress.exec(incoming.url ?? '') ?? [];
    if (stream === undefined || file === undefined) return undefined;
    try {
      const answer = answerLive(new DirectRequest(incoming, context, { stream, rendition, file, search }), context);
      if (!(answer instanceof Promise)) return finish(answer, incoming);
      return answer.then(
        (each) => finish(each, incoming),
        (error: unknown) => failed(error, incoming),
      );
    } catch (error) {
      return failed(error, incoming);
    }
  };
}

interface DirectAddress {
  readonly stream: string;
  readonly rendition: string | undefined;
  readonly file: string;
  readonly search: string | undefined;
}

class DirectRequest implements LiveRequest {
  readonly method: string;
  readonly url: string;
  readonly stream: string;
  readonly rendition: string | undefined;
  readonly file: string;
  readonly #incoming: IncomingMessage;
  readonly #context: AppContext;
  readonly #search: string | undefined;

  constructor(incoming: IncomingMessage, context: AppContext, { stream, rendition, file, search }: DirectAddress) {
    this.method = incoming.method ?? 'GET';
    this.url = incoming.url ?? '/';
    this.stream = stream;
    this.rendition = rendition;
    this.file = file;
    this.#incoming = incoming;
    this.#context = context;
    this.#search = search;
  }

  header(name: string): string | undefined {
    return this.#incoming.headers[name] as string | undefined;
  }

  query(name: string): string | undefined {
    if (this.#search === undefined || this.#search === '') return undefined;
    return new URLSearchParams(this.#search).get(name) ?? undefined;
  }

  /** A proxy's connection carries the requests of many clients. */
  get connection(): object | undefined {
    const { headers, socket } = this.#incoming;
    return headers['x-forwarded-for'] === undefined && headers.forwarded === undefined ? socket : undefined;
  }

  signal(): { readonly signal: AbortSignal; readonly release: () => void } {
    const { socket } = this.#incoming;
    const gone = new AbortController();
    const abort = () => gone.abort();
    socket.once('close', abort);
    return { signal: gone.signal, release: () => socket.off('close', abort) };
  }

  client(): Client {
    const address = this.#incoming.socket.remoteAddress;
    return this.#context.clientOf({ address, scheme: 'http' }, (name) => this.header(name));
  }
}
