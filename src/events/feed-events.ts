import type { RecordedEvent } from './feed-schema.js';
import type { StreamEvent } from './stream-events.js';

/** An event of a stream as the API's event stream reports it; undefined where it does not. Pure. */
export function feedEventOf(event: StreamEvent): RecordedEvent | undefined {
  const { stream } = event;
  const at = new Date(event.at).toISOString();
  switch (event.type) {
    case 'state': {
      const { state, before, reason } = event;
      return { type: 'state', stream, at, state, before, reason };
    }
    case 'thumbnail': {
      if (!event.isFirst) return undefined;
      const { image, date, gate } = event;
      const { width, height, body } = image;
      const capturedAt = new Date(date).toISOString();
      return {
        ...{ type: 'thumbnail', stream, at, capturedAt, width, height, bytes: body.byteLength, gate: gate ?? null },
      };
    }
    case 'gate':
      return { type: 'gate', stream, at, state: event.state, rejected: event.rejected };
    case 'restart': {
      const { restarts, code, message, stderr } = event;
      return { type: 'restart', stream, at, restarts, code, message, stderr: [...stderr] };
    }
    case 'segment': {
      const { rendition, file, body, durationSeconds, mediaSequence } = event;
      const bytes = body.byteLength;
      return { type: 'segment', stream, at, rendition, file, bytes, durationSeconds, mediaSequence };
    }
    default:
      return undefined;
  }
}
