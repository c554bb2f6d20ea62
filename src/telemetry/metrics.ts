import { Counter, collectDefaultMetrics, Gauge, Histogram, type Metric, Registry } from 'prom-client';
import { createAudienceMetrics } from './audience-metrics.js';

/** The only place where metrics are declared. Names and labels are part of the contract with users. */

/** Counters and histograms, updated where the events occur. */
export interface Metrics {
  readonly framesCaptured: Counter<'stream'>;
  readonly framesDropped: Counter<'stream' | 'reason'>;
  readonly decoderErrors: Counter<'stream'>;
  readonly thumbnailEncodeSeconds: Histogram;
  readonly segments: Counter<'stream' | 'rendition'>;
  readonly segmentBytes: Counter<'stream' | 'rendition'>;
  readonly uploads: Counter<'kind' | 'result'>;
  readonly uploadSeconds: Histogram<'kind'>;
  readonly deletedObjects: Counter<'stream'>;
  readonly auditedSegments: Counter<'stream' | 'result'>;
  readonly lostSegments: Counter<'stream' | 'reason'>;
  readonly restoredObjects: Counter<'stream'>;
  /** Changes: `raised`, `cleared`. */
  readonly alerts: Counter<'stream' | 'alert' | 'state'>;
  readonly webhooks: Counter<'result'>;
  readonly monitorDropped: Counter<'stream'>;
  readonly webrtcDropped: Counter<'stream'>;
  readonly picturesSlowed: Counter;
  readonly streamsRefused: Counter;
  readonly ffmpegRestarts: Counter<'stream' | 'reason'>;
  readonly ffmpegCpuSeconds: Counter<'stream'>;
  readonly logLinesDropped: Counter;
  /** CMCD reports of players: `request`, `startup`, `rebuffer`. */
  readonly playerReports: Counter<'stream' | 'event'>;
  readonly playerThroughput: Histogram<'stream'>;
  readonly playerBitrate: Histogram<'stream'>;
  /** Registers a function that sets the gauges at each scrape. Returns a function that removes it. */
  onCollect(collector: Collector): () => void;
  /** Renders the metrics for Prometheus. If a collector fails, only its own gauges are missing. */
  render(): Promise<{ readonly body: string; readonly contentType: string }>;
  /** Removes the series of a removed stream. The stream must have ended: a later event would recreate its series. */
  forget(stream: string): Promise<void>;
}

/** States at the time of the scrape. Reset before each collection. */
export interface Gauges {
  readonly streams: Gauge<'state'>;
  readonly thumbnailAgeSeconds: Gauge<'stream'>;
  /** 1 for the current state, 0 for the others. */
  readonly thumbnailState: Gauge<'stream' | 'state'>;
  readonly thumbnailGate: Gauge<'stream' | 'state'>;
  readonly uploadBacklogBytes: Gauge;
  /** 0 while the store is unreachable or refuses uploads. */
  readonly storeUp: Gauge<'store'>;
  readonly remotePlaylistLagSeconds: Gauge<'stream'>;
  readonly monitorViewers: Gauge<'stream'>;
  readonly webrtcViewers: Gauge<'stream'>;
  /** 1 for the current level, 0 for the others. */
  readonly loadLevel: Gauge<'level'>;
  /** 1 for the current state, 0 for the others. */
  readonly publicationState: Gauge<'stream' | 'state'>;
  readonly viewers: Gauge<'stream'>;
}

type Collector = (gauges: Gauges) => void | Promise<void>;

export interface MetricsOptions {
  readonly onCollectorError?: (error: unknown) => void;
}

export function createMetrics({ onCollectorError }: MetricsOptions = {}): Metrics {
  const registers = [new Registry()];
  const [registry] = registers as [Registry];
  collectDefaultMetrics({ register: registry });
  const audience = createAudienceMetrics(registers);
  const gauges = { ...createGauges(registers), viewers: audience.viewers };
  const events = { ...createEventMetrics(registers), ...audience.events };
  const collectors = new Set<Collector>();

  async function collectAndRender(): Promise<{ body: string; contentType: string }> {
    for (const gauge of Object.values(gauges)) gauge.reset();
    for (const collector of collectors) {
      try {
        await collector(gauges);
      } catch (error) {
        onCollectorError?.(error);
      }
    }
    return { body: await registry.metrics(), contentType: registry.contentType };
  }

  let last: Promise<unknown> = Promise.resolve();
  return {
    ...events,
    onCollect(collector) {
      collectors.add(collector);
      return () => void collectors.delete(collector);
    },
    render() {
      // One after the other: a second collection would empty the gauges of the first.
      const rendered = last.then(collectAndRender);
      last = rendered.catch(() => undefined);
      return rendered;
    },
    async forget(stream) {
      for (const metric of registry.getMetricsAsArray()) {
        if (!hasStream(metric)) continue;
        const { values } = await metric.get();
        for (const { labels } of values) if (labels.stream === stream) metric.remove(labels);
      }
      audience.forget(stream);
    },
  };
}

/** Whether it is a counter or gauge with a series for each stream. The library keeps the names of labels, but not in its types. */
function hasStream(metric: object): metric is Metric<'stream'> {
  if (metric instanceof Histogram) return false;
  return 'labelNames' in metric && Array.isArray(metric.labelNames) && metric.labelNames.includes('stream');
}

function createGauges(registers: Registry[]): Omit<Gauges, 'viewers'> {
  return {
    streams: new Gauge({
      name: 'sidepipe_streams',
      help: 'Streams by state: idle, starting, live, recovering, failed.',
      labelNames: ['state'],
      registers,
    }),
    thumbnailAgeSeconds: new Gauge({
      name: 'sidepipe_thumbnail_age_seconds',
      help: 'Age of the newest thumbnail of a stream. Absent until there is one.',
      labelNames: ['stream'],
      registers,
    }),
    thumbnailState: new Gauge({
      name: 'sidepipe_thumbnail_state',
      help: 'Thumbnail state: 1 for the current state (fresh, stale, offline), 0 for the others.',
      labelNames: ['stream', 'state'],
      registers,
    }),
    thumbnailGate: new Gauge({
      name: 'sidepipe_thumbnail_gate',
      help: 'Verdict of the gate: 1 for the current verdict (good, black, flat, frozen), 0 for the others. Absent before the first frame.',
      labelNames: ['stream', 'state'],
      registers,
    }),
    uploadBacklogBytes: new Gauge({
      name: 'sidepipe_upload_backlog_bytes',
      help: 'Bytes waiting for upload or being uploaded.',
      registers,
    }),
    storeUp: new Gauge({
      name: 'sidepipe_store_up',
      help: 'Whether the store accepts uploads, as far as known: 0 while it is unreachable or refuses them.',
      labelNames: ['store'],
      registers,
    }),
    remotePlaylistLagSeconds: new Gauge({
      name: 'sidepipe_remote_playlist_lag_seconds',
      help: 'Lag of the end of the uploaded playlist behind the end of the local one.',
      labelNames: ['stream'],
      registers,
    }),
    monitorViewers: new Gauge({
      name: 'sidepipe_monitor_viewers',
      help: "Viewers of a stream's monitor. Absent if the stream has no monitor.",
      labelNames: ['stream'],
      registers,
    }),
    webrtcViewers: new Gauge({
      name: 'sidepipe_webrtc_viewers',
      help: 'WebRTC viewers of a stream. Absent if WebRTC is disabled.',
      labelNames: ['stream'],
      registers,
    }),
    loadLevel: new Gauge({
      name: 'sidepipe_load_level',
      help: 'Load-shedding level: 1 for the current level (normal, slowed, refusing), 0 for the others.',
      labelNames: ['level'],
      registers,
    }),
    publicationState: new Gauge({
      name: 'sidepipe_publication_state',
      help: 'Publication state of a stream: 1 for the current state (idle, waiting, publishing, refused, losing, standby, ended), 0 for the others.',
      labelNames: ['stream', 'state'],
      registers,
    }),
  };
}

function createEventMetrics(registers: Registry[]) {
  return {
    framesCaptured: new Counter({
      name: 'sidepipe_frames_captured_total',
      help: 'Complete raw frames received from ffmpeg.',
      labelNames: ['stream'],
      registers,
    }),
    framesDropped: new Counter({
      name: 'sidepipe_frames_dropped_total',
      help: 'Frames not encoded, by reason.',
      labelNames: ['stream', 'reason'],
      registers,
    }),
    decoderErrors: new Counter({
      name: 'sidepipe_decoder_errors_total',
      help: 'Errors in the source reported by the decoder of a stream.',
      labelNames: ['stream'],
      registers,
    }),
    thumbnailEncodeSeconds: new Histogram({
      name: 'sidepipe_thumbnail_encode_seconds',
      help: 'Time to encode a frame as a thumbnail, including the wait for a thread.',
      buckets: [0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.2, 0.5, 1, 2, 5],
      registers,
    }),
    segments: new Counter({
      name: 'sidepipe_segments_total',
      help: 'Complete media segments received from ffmpeg.',
      labelNames: ['stream', 'rendition'],
      registers,
    }),
    segmentBytes: new Counter({
      name: 'sidepipe_segment_bytes_total',
      help: 'Bytes of complete media segments received from ffmpeg.',
      labelNames: ['stream', 'rendition'],
      registers,
    }),
    uploads: new Counter({
      name: 'sidepipe_uploads_total',
      help: 'Upload attempts, by kind of object and result: stored, failed (retried), refused (retried), given-up.',
      labelNames: ['kind', 'result'],
      registers,
    }),
    uploadSeconds: new Histogram({
      name: 'sidepipe_upload_seconds',
      help: 'Duration of upload attempts, by kind of object.',
      labelNames: ['kind'],
      buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30],
      registers,
    }),
    deletedObjects: new Counter({
      name: 'sidepipe_deleted_objects_total',
      help: 'Objects deleted from the store because no playlist lists them any more.',
      labelNames: ['stream'],
      registers,
    }),
    auditedSegments: new Counter({
      name: 'sidepipe_audited_segments_total',
      help: 'Objects needed by players and checked on the store, by result: readable, unreadable.',
      labelNames: ['stream', 'result'],
      registers,
    }),
    lostSegments: new Counter({
      name: 'sidepipe_lost_segments_total',
      help: 'Segments that are gaps on the store, by reason: backlog-full, refused, rejected, init-lost, missing, closed.',
      labelNames: ['stream', 'reason'],
      registers,
    }),
    restoredObjects: new Counter({
      name: 'sidepipe_restored_objects_total',
      help: 'Objects uploaded again because something else had deleted or changed them on the store.',
      labelNames: ['stream'],
      registers,
    }),
    alerts: new Counter({
      name: 'sidepipe_alerts_total',
      help: 'Alerts raised or cleared, by alert: stale, black, flat, frozen, offline, lagging, unreadable, refused, gaps, unpublished.',
      labelNames: ['stream', 'alert', 'state'],
      registers,
    }),
    webhooks: new Counter({
      name: 'sidepipe_webhooks_total',
      help: 'Webhook messages by result: delivered, retried (attempts), and undeliverable: rejected, given-up, dropped.',
      labelNames: ['result'],
      registers,
    }),
    monitorDropped: new Counter({
      name: 'sidepipe_monitor_dropped_total',
      help: 'Monitor viewers disconnected because they read too slowly.',
      labelNames: ['stream'],
      registers,
    }),
    webrtcDropped: new Counter({
      name: 'sidepipe_webrtc_dropped_total',
      help: 'How often a WebRTC viewer was too slow and lost frames up to the next keyframe.',
      labelNames: ['stream'],
      registers,
    }),
    picturesSlowed: new Counter({
      name: 'sidepipe_pictures_slowed_total',
      help: 'Good frames not encoded because the machine was overloaded.',
      registers,
    }),
    streamsRefused: new Counter({
      name: 'sidepipe_streams_refused_total',
      help: 'Streams rejected by the API because the machine was overloaded.',
      registers,
    }),
    ffmpegRestarts: new Counter({
      name: 'sidepipe_ffmpeg_restarts_total',
      help: 'Restarts of the ffmpeg process of a stream, by reason.',
      labelNames: ['stream', 'reason'],
      registers,
    }),
    ffmpegCpuSeconds: new Counter({
      name: 'sidepipe_ffmpeg_cpu_seconds_total',
      help: 'CPU time of the ffmpeg processes of a stream, user and system.',
      labelNames: ['stream'],
      registers,
    }),
    logLinesDropped: new Counter({
      name: 'sidepipe_log_lines_dropped_total',
      help: 'Log lines dropped because the destination was not writable and the buffer was full.',
      registers,
    }),
  } as const;
}
