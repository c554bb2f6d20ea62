import { Counter, collectDefaultMetrics, Gauge, Histogram, type Metric, Registry } from 'prom-client';
import { createAudienceMetrics } from './audience-metrics.js';

/** The one place where metrics are declared. Names and labels are part of the contract with users. */

/** Counts and times, kept by whoever sees the events. */
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
  readonly picturesSlowed: Counter;
  readonly streamsRefused: Counter;
  readonly ffmpegRestarts: Counter<'stream' | 'reason'>;
  readonly ffmpegCpuSeconds: Counter<'stream'>;
  readonly logLinesDropped: Counter;
  /** What players tell of themselves: `request`, `startup`, `rebuffer`. */
  readonly playerReports: Counter<'stream' | 'event'>;
  readonly playerThroughput: Histogram<'stream'>;
  readonly playerBitrate: Histogram<'stream'>;
  /** Registers a function that sets the gauges when Prometheus asks. Returns the function that takes it out again. */
  onCollect(collector: Collector): () => void;
  /** The text for Prometheus. A collector that fails loses its own gauges only. */
  render(): Promise<{ readonly body: string; readonly contentType: string }>;
  /** Takes a removed stream's series away. The stream must have ended: an event after this brings its series back. */
  forget(stream: string): Promise<void>;
}

/** States as they are at the moment of asking. Empty before each collection. */
export interface Gauges {
  readonly streams: Gauge<'state'>;
  readonly thumbnailAgeSeconds: Gauge<'stream'>;
  /** 1 for the state that holds, 0 for the others. */
  readonly thumbnailState: Gauge<'stream' | 'state'>;
  readonly thumbnailGate: Gauge<'stream' | 'state'>;
  readonly uploadBacklogBytes: Gauge;
  /** 0 while the store cannot be reached or refuses uploads. */
  readonly storeUp: Gauge<'store'>;
  readonly remotePlaylistLagSeconds: Gauge<'stream'>;
  readonly monitorViewers: Gauge<'stream'>;
  /** 1 for the level that holds, 0 for the others. */
  readonly loadLevel: Gauge<'level'>;
  /** 1 for the state that holds, 0 for the others. */
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
      help: 'Age of the newest picture of a stream. Absent until there is one.',
      labelNames: ['stream'],
      registers,
    }),
    thumbnailState: new Gauge({
      name: 'sidepipe_thumbnail_state',
      help: 'The state of the thumbnail: 1 for the one that holds of fresh, stale, offline.',
      labelNames: ['stream', 'state'],
      registers,
    }),
    thumbnailGate: new Gauge({
      name: 'sidepipe_thumbnail_gate',
      help: 'What a stream shows: 1 for the one that holds of good, black, flat, frozen. Absent before its first frame.',
      labelNames: ['stream', 'state'],
      registers,
    }),
    uploadBacklogBytes: new Gauge({
      name: 'sidepipe_upload_backlog_bytes',
      help: 'Bytes that wait to be uploaded or are on their way.',
      registers,
    }),
    storeUp: new Gauge({
      name: 'sidepipe_store_up',
      help: 'Whether a store takes uploads, as far as is known: 0 while it cannot be reached or refuses them.',
      labelNames: ['store'],
      registers,
    }),
    remotePlaylistLagSeconds: new Gauge({
      name: 'sidepipe_remote_playlist_lag_seconds',
      help: 'How far the end of the uploaded playlist is behind the end of the local one.',
      labelNames: ['stream'],
      registers,
    }),
    monitorViewers: new Gauge({
      name: 'sidepipe_monitor_viewers',
      help: "Viewers of a stream's monitor. Absent where it has none.",
      labelNames: ['stream'],
      registers,
    }),
    loadLevel: new Gauge({
      name: 'sidepipe_load_level',
      help: "What the machine's load is answered with: 1 for the one that holds of normal, slowed, refusing.",
      labelNames: ['level'],
      registers,
    }),
    publicationState: new Gauge({
      name: 'sidepipe_publication_state',
      help: 'Of a stream on the store: 1 for the state that holds of idle, waiting, publishing, refused, losing, standby, ended.',
      labelNames: ['stream', 'state'],
      registers,
    }),
  };
}

function createEventMetrics(registers: Registry[]) {
  return {
    framesCaptured: new Counter({
      name: 'sidepipe_frames_captured_total',
      help: 'Raw frames that came out of ffmpeg whole.',
      labelNames: ['stream'],
      registers,
    }),
    framesDropped: new Counter({
      name: 'sidepipe_frames_dropped_total',
      help: 'Frames of which no picture was made, by reason.',
      labelNames: ['stream', 'reason'],
      registers,
    }),
    decoderErrors: new Counter({
      name: 'sidepipe_decoder_errors_total',
      help: 'Errors in the source that the decoder of a stream told of.',
      labelNames: ['stream'],
      registers,
    }),
    thumbnailEncodeSeconds: new Histogram({
      name: 'sidepipe_thumbnail_encode_seconds',
      help: 'Time from handing a frame to the encoder to its encoded picture, waiting for a thread included.',
      buckets: [0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.2, 0.5, 1, 2, 5],
      registers,
    }),
    segments: new Counter({
      name: 'sidepipe_segments_total',
      help: 'Complete media segments taken from ffmpeg.',
      labelNames: ['stream', 'rendition'],
      registers,
    }),
    segmentBytes: new Counter({
      name: 'sidepipe_segment_bytes_total',
      help: 'Bytes of complete media segments taken from ffmpeg.',
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
      help: 'Time of one upload attempt, by kind of object.',
      labelNames: ['kind'],
      buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30],
      registers,
    }),
    deletedObjects: new Counter({
      name: 'sidepipe_deleted_objects_total',
      help: 'Objects deleted from the store because no playlist listed them any more.',
      labelNames: ['stream'],
      registers,
    }),
    auditedSegments: new Counter({
      name: 'sidepipe_audited_segments_total',
      help: 'Objects that players need and that were looked up on the store, by result: readable, unreadable.',
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
      help: 'Objects that something else had deleted or changed on the store and that were uploaded again.',
      labelNames: ['stream'],
      registers,
    }),
    alerts: new Counter({
      name: 'sidepipe_alerts_total',
      help: 'Alerts of a stream that were raised or cleared: stale, black, flat, frozen, offline, lagging, unreadable, refused, gaps, unpublished.',
      labelNames: ['stream', 'alert', 'state'],
      registers,
    }),
    webhooks: new Counter({
      name: 'sidepipe_webhooks_total',
      help: 'Webhooks by result: delivered, retried (an attempt), and the dead letters rejected, given-up, dropped.',
      labelNames: ['result'],
      registers,
    }),
    monitorDropped: new Counter({
      name: 'sidepipe_monitor_dropped_total',
      help: 'Viewers of a monitor that were let go because they took too little.',
      labelNames: ['stream'],
      registers,
    }),
    picturesSlowed: new Counter({
      name: 'sidepipe_pictures_slowed_total',
      help: 'Good frames of which no picture was made because the machine had too much to do.',
      registers,
    }),
    streamsRefused: new Counter({
      name: 'sidepipe_streams_refused_total',
      help: 'Streams that the API did not make because the machine had too much to do.',
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
      help: 'Log lines dropped because their destination could not be written to and the buffer was full.',
      registers,
    }),
  } as const;
}
