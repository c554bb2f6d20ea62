import type { StreamListener } from '../events/stream-events.js';
import type { Metrics } from './metrics.js';

/** Counts what streams do. */
export function countStreamEvents(metrics: Metrics): StreamListener {
  return (event) => {
    const { stream } = event;
    switch (event.type) {
      case 'frame':
        metrics.framesCaptured.inc({ stream });
        break;
      case 'frame-dropped':
        // Frames that the load guard skips have a counter of their own.
        if (event.reason === 'slowed') metrics.picturesSlowed.inc();
        else metrics.framesDropped.inc({ stream, reason: event.reason });
        break;
      case 'thumbnail':
        metrics.thumbnailEncodeSeconds.observe(event.image.encodeSeconds);
        break;
      case 'segment': {
        const labels = { stream, rendition: event.rendition };
        metrics.segments.inc(labels);
        metrics.segmentBytes.inc(labels, event.body.byteLength);
        break;
      }
      case 'restart':
        metrics.ffmpegRestarts.inc({ stream, reason: event.code });
        break;
      case 'decoder-error':
        metrics.decoderErrors.inc({ stream });
        break;
      case 'monitor-dropped':
        metrics.monitorDropped.inc({ stream });
        break;
      case 'webrtc-dropped':
        metrics.webrtcDropped.inc({ stream });
        break;
      default:
    }
  };
}
