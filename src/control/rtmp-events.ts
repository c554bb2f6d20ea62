import type { RtmpServerEvent } from '../ingest/rtmp/server-types.js';
import type { Logger } from '../telemetry/logger.js';

/** Unknown clients connect by the thousand, so they are logged for debugging only. The end of a publisher matters to operators. */
export function logRtmp(log: Logger): (event: RtmpServerEvent) => void {
  return ({ type, address, secure, stream, reason, cause }) => {
    const facts = {
      address,
      secure,
      reason,
      ...(stream && { stream }),
      ...(cause === undefined ? {} : { err: cause }),
    };
    if (type === 'failed') log.error(facts, 'publisher rejected');
    else if (stream !== undefined) log.info(facts, 'publisher disconnected');
    else if (reason === 'bad-key') log.warn(facts, 'publisher rejected: wrong stream key');
    else log.debug(facts, 'RTMP connection closed');
  };
}
