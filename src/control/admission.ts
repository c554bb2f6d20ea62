import { SidepipeError } from '../errors.js';

/** The state of a node when another stream is requested. */
export interface NodeLoad {
  /** Number of existing streams, including those about to start. */
  readonly streams: number;
  /** `limits.streams`. */
  readonly mostStreams: number;
  /** Why the machine cannot take another stream now; undefined while it can. */
  readonly trouble: string | undefined;
}

/**
 * Why a node rejects another stream; undefined if it accepts it. `limit-reached`: the configured limit. `node-overloaded`: the
 * current load. The only place where a stream is rejected to protect the others; configured streams are never rejected.
 */
export function admissionRefusal({ streams, mostStreams, trouble }: NodeLoad): SidepipeError | undefined {
  if (streams >= mostStreams) {
    const message = `The node has ${streams} streams, and limits.streams is ${mostStreams}.`;
    return new SidepipeError(message, { code: 'limit-reached', fault: 'caller' });
  }
  if (trouble === undefined) return undefined;
  const message = `The node is overloaded and accepts no further streams${trouble === '' ? '' : `: ${trouble}`}.`;
  return new SidepipeError(message, { code: 'node-overloaded', fault: 'node', retryable: true });
}
