import type { RtmpServerEvent } from '../ingest/rtmp/server-types.js';
import type { Logger } from '../telemetry/logger.js';

/** Strangers come by the thousand; what they did is for debugging. A publisher's end is for operators. */
export function logRtmp(log: Logger): (event: RtmpServerEvent) => void {
  return ({ type, address, secure, stream, reason, cause }) => {
    const facts = {
      address,
      secure,
      reason,
      ...(stream && { stream }),
      ...(cause === undefined ? {} : { err: cause }),
    };
    if (type === 'failed') log.error(facts, 'a publisher could not be taken in');
    else if (stream !== undefined) log.info(facts, 'the publisher has left');
    else if (reason === 'bad-key') log.warn(facts, 'a publisher had a wrong stream key');
    else log.debug(facts, 'a connection for RTMP has ended');
  };
}
