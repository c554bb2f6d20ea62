import { SidepipeError } from '../errors.js';

/** What is known of a node when another stream is to begin. */
export interface NodeLoad {
  /** Streams that there are, or will be in a moment. */
  readonly streams: number;
  /** `limits.streams`. */
  readonly mostStreams: number;
  /** Why its machine bears no further one now, in words; undefined while it does. */
  readonly trouble: string | undefined;
}

/**
 * Why a node takes no further stream; undefined where it does. `limit-reached`: not as it is configured. `node-overloaded`: not
 * now. The one place where a new stream is refused for what it would cost the others; configured streams are not asked about.
 */
export function admissionRefusal({ streams, mostStreams, trouble }: NodeLoad): SidepipeError | undefined {
  if (streams >= mostStreams) {
    const message = `This node has ${streams} streams; limits.streams allows ${mostStreams}.`;
    return new SidepipeError(message, { code: 'limit-reached', fault: 'caller' });
  }
  if (trouble === undefined) return undefined;
  const message = `Another stream would harm those that run${trouble === '' ? '' : `: ${trouble}`}.`;
  return new SidepipeError(message, { code: 'node-overloaded', fault: 'node', retryable: true });
}
