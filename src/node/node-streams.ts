import type { StreamInput, StreamPatch } from '../config/schema/schema.js';
import type { CreatedStream, StreamControl } from '../control/stream-control.js';
import { messageOf, SidepipeError } from '../errors.js';
import type { NodeStream } from '../stream/live-stream.js';

/**
 * The streams of a node, for the program that embeds it: those of the configuration, and those that were created since, here or
 * through the HTTP API. Changes follow the API's rules: streams of the configuration are changed by `reload` only, and
 * `api.sources` says which sources other streams may have. Each method that returns a promise rejects with a `SidepipeError`:
 * `request-invalid` (`details.findings` lists every problem), `not-found`, and those named below; `aborted` before `start` and
 * after `close`.
 */
export interface NodeStreams {
  /** In the order in which they were added. Empty before `start`. */
  list(): readonly NodeStream[];
  /** Undefined if there is no such stream, and before `start`. `SidepipeNode.stream` throws instead. */
  get(name: string): NodeStream | undefined;
  /**
   * Creates a stream and starts it. With `source: 'push'` and without `keys` it gets a key, which is returned this once. The same
   * configuration again changes nothing. Rejects with `stream-exists`, `limit-reached`, `node-overloaded`, `state-unavailable`,
   * `port-unavailable`.
   */
  create(config: StreamInput): Promise<CreatedStream>;
  /**
   * Changes a stream by a JSON merge patch (RFC 7396) and restarts it, unless only `keys`, `alerts` or `publish.whenBusy` change.
   * Rejects as `create` does, and with `stream-configured`.
   */
  update(name: string, patch: StreamPatch): Promise<void>;
  /**
   * Removes a stream. Settles when it has ended; its players get the end of the playlist. Rejects with `stream-configured`,
   * `state-unavailable`.
   */
  remove(name: string): Promise<void>;
  /** Restarts ffmpeg within the same playlist. False: nothing runs that could be restarted, such as a stream without a publisher. */
  restart(name: string): Promise<boolean>;
}

export interface NodeStreamsOptions {
  readonly streams: Pick<NodeStreams, 'list' | 'get'>;
  /** Throws `aborted` unless the node is running. */
  readonly control: () => StreamControl;
}

export function createNodeStreams({ streams, control }: NodeStreamsOptions): NodeStreams {
  return {
    list: () => streams.list(),
    get: (name) => streams.get(name),
    create: async (config) => control().create(asJson(config)),
    async update(name, patch) {
      const running = control();
      streamOf(streams, name);
      await running.update(name, asJson(patch));
    },
    async remove(name) {
      const running = control();
      streamOf(streams, name);
      await running.remove(name);
    },
    async restart(name) {
      const running = control();
      streamOf(streams, name);
      return running.restart(name);
    },
  };
}

/** Throws `not-found`. */
export function streamOf(streams: Pick<NodeStreams, 'get'>, name: string): NodeStream {
  const stream = streams.get(name);
  if (stream !== undefined) return stream;
  throw new SidepipeError(`There is no stream named ${name}.`, { code: 'not-found', fault: 'caller' });
}

/** The value as the HTTP API would have received it: a copy, which the caller cannot change later, without undefined properties. */
function asJson(value: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(value) ?? 'null');
  } catch (error) {
    const message = `cannot be written as JSON: ${messageOf(error)}`;
    const details = { findings: [{ path: [], message, named: false }] };
    throw new SidepipeError(message, { code: 'request-invalid', fault: 'caller', details });
  }
}
