import { listed, type StreamSeries } from '../../events/stream-series.js';
import type { StreamEnvironment } from '../environment.js';
import type { StreamUploads } from '../uploads/uploads.js';
import { HlsOutput, type ListedSegment } from './hls-output.js';

export interface SegmentWatchOptions {
  readonly env: Pick<
    StreamEnvironment,
    'config' | 'feed' | 'log' | 'metrics' | 'now' | 'dateOf' | 'publisher' | 'randomId' | 'traces'
  >;
  readonly uploads: () => Pick<StreamUploads, 'segment' | 'multivariant'> | undefined;
  readonly outlets: Pick<StreamSeries, 'segment'>;
}

/** One stream's segments and everyone who must hear of them: metrics, traces, uploads, readers, events. */
export class SegmentWatch {
  readonly hls: HlsOutput;
  readonly #options: SegmentWatchOptions;

  constructor(options: SegmentWatchOptions) {
    const { env, uploads } = options;
    const { config, randomId, now, dateOf, log } = env;
    this.#options = options;
    this.hls = new HlsOutput({
      ...{ config, randomId, now, dateOf },
      onListed: (segment) => this.#onListed(segment),
      onDescribed: () => uploads()?.multivariant(),
      onInspectionFailed: (err) =>
        log.warn({ err }, 'the first segment could not be read: no multivariant playlist yet'),
    });
  }

  #onListed(segment: ListedSegment): void {
    const { uploads, outlets, env } = this.#options;
    const labels = { stream: env.config.name, rendition: segment.rendition };
    env.metrics.segments.inc(labels);
    env.metrics.segmentBytes.inc(labels, segment.body.byteLength);
    // Before it is on its way.
    this.#trace(segment);
    uploads()?.segment(segment);
    outlets.segment(listed(segment));
    this.#tell(segment);
  }

  #trace({ rendition, file, body, entry, startedAt, completedAtMs }: ListedSegment): void {
    const { config, traces, now, publisher } = this.#options.env;
    traces?.segment({
      ...{ stream: config.name, rendition, file, bytes: body.byteLength },
      ...{ durationSeconds: entry.durationSeconds, startsAt: startedAt },
      ...{ completedAt: completedAtMs, listedAt: now(), uploads: publisher !== undefined },
    });
  }

  #tell({ rendition, file, body, entry, mediaSequence }: ListedSegment): void {
    const { config, feed, now, dateOf } = this.#options.env;
    const at = new Date(dateOf(now())).toISOString();
    feed.publish({
      ...{ type: 'segment', stream: config.name, at, rendition, file, mediaSequence },
      ...{ bytes: body.byteLength, durationSeconds: entry.durationSeconds },
    });
  }
}
