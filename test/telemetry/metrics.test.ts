import { describe, expect, it } from 'vitest';
import { createMetrics } from '../../src/telemetry/metrics.js';

/** The contract's names with their labels; see the README. */
const contract: Readonly<Record<string, readonly string[]>> = {
  sidepipe_streams: ['state'],
  sidepipe_frames_captured_total: ['stream'],
  sidepipe_frames_dropped_total: ['stream', 'reason'],
  sidepipe_decoder_errors_total: ['stream'],
  sidepipe_thumbnail_age_seconds: ['stream'],
  sidepipe_thumbnail_state: ['stream', 'state'],
  sidepipe_thumbnail_gate: ['stream', 'state'],
  sidepipe_thumbnail_encode_seconds: [],
  sidepipe_segments_total: ['stream', 'rendition'],
  sidepipe_segment_bytes_total: ['stream', 'rendition'],
  sidepipe_uploads_total: ['kind', 'result'],
  sidepipe_upload_seconds: ['kind'],
  sidepipe_upload_backlog_bytes: [],
  sidepipe_remote_playlist_lag_seconds: ['stream'],
  sidepipe_publication_state: ['stream', 'state'],
  sidepipe_deleted_objects_total: ['stream'],
  sidepipe_audited_segments_total: ['stream', 'result'],
  sidepipe_lost_segments_total: ['stream', 'reason'],
  sidepipe_restored_objects_total: ['stream'],
  sidepipe_store_up: ['store'],
  sidepipe_alerts_total: ['stream', 'alert', 'state'],
  sidepipe_webhooks_total: ['result'],
  sidepipe_monitor_viewers: ['stream'],
  sidepipe_monitor_dropped_total: ['stream'],
  sidepipe_webrtc_viewers: ['stream'],
  sidepipe_webrtc_dropped_total: ['stream'],
  sidepipe_load_level: ['level'],
  sidepipe_log_lines_dropped_total: [],
  sidepipe_pictures_slowed_total: [],
  sidepipe_streams_refused_total: [],
  sidepipe_ffmpeg_restarts_total: ['stream', 'reason'],
  sidepipe_ffmpeg_cpu_seconds_total: ['stream'],
  sidepipe_viewers: ['stream'],
  sidepipe_player_reports_total: ['stream', 'event'],
  sidepipe_player_throughput_bits_per_second: ['stream'],
  sidepipe_player_bitrate_bits_per_second: ['stream'],
};

function filled() {
  const metrics = createMetrics();
  for (const stream of ['a', 'b']) {
    metrics.framesCaptured.inc({ stream });
    metrics.framesDropped.inc({ stream, reason: 'busy' });
    metrics.framesDropped.inc({ stream, reason: 'black' });
    metrics.decoderErrors.inc({ stream });
    metrics.playerReports.inc({ stream, event: 'startup' });
    metrics.playerThroughput.observe({ stream }, 5e6);
    metrics.playerBitrate.observe({ stream }, 3e6);
    metrics.alerts.inc({ stream, alert: 'stale', state: 'raised' });
    metrics.segments.inc({ stream, rendition: 'source' });
    metrics.segmentBytes.inc({ stream, rendition: 'source' }, 1000);
    metrics.deletedObjects.inc({ stream }, 2);
    metrics.auditedSegments.inc({ stream, result: 'readable' }, 6);
    metrics.lostSegments.inc({ stream, reason: 'backlog-full' });
    metrics.restoredObjects.inc({ stream });
    metrics.monitorDropped.inc({ stream });
    metrics.webrtcDropped.inc({ stream });
    metrics.ffmpegRestarts.inc({ stream, reason: 'exited' });
    metrics.ffmpegCpuSeconds.inc({ stream }, 0.25);
  }
  metrics.thumbnailEncodeSeconds.observe(0.02);
  metrics.uploads.inc({ kind: 'segment', result: 'ok' });
  metrics.webhooks.inc({ result: 'delivered' });
  metrics.uploadSeconds.observe({ kind: 'segment' }, 0.2);
  return metrics;
}

const lines = (body: string, start: string) => body.split('\n').filter((line) => line.startsWith(start));

describe('createMetrics', () => {
  it('has each metric of the contract with its labels and a help text', async () => {
    const metrics = filled();
    metrics.onCollect((gauges) => {
      gauges.streams.set({ state: 'live' }, 2);
      gauges.thumbnailAgeSeconds.set({ stream: 'a' }, 1.5);
      gauges.thumbnailState.set({ stream: 'a', state: 'fresh' }, 1);
      gauges.thumbnailGate.set({ stream: 'a', state: 'good' }, 1);
      gauges.remotePlaylistLagSeconds.set({ stream: 'a' }, 2);
      gauges.monitorViewers.set({ stream: 'a' }, 1);
      gauges.webrtcViewers.set({ stream: 'a' }, 2);
      gauges.loadLevel.set({ level: 'normal' }, 1);
      gauges.publicationState.set({ stream: 'a', state: 'publishing' }, 1);
      gauges.uploadBacklogBytes.set(10);
      gauges.storeUp.set({ store: 's3://live/' }, 1);
      gauges.viewers.set({ stream: 'a' }, 3);
    });
    const { body, contentType } = await metrics.render();
    expect(contentType).toMatch(/^text\/plain; version=0\.0\.4/);
    const names = [...body.matchAll(/^# HELP (sidepipe_\w+) .{20,}$/gm)].map((match) => match[1]);
    expect(names.sort()).toEqual(Object.keys(contract).sort());
    for (const [name, labels] of Object.entries(contract)) {
      const sample = new RegExp(`^${name}(?:_count|_sum)?(?:\\{([^}]*)\\})? [\\d.]+$`, 'm').exec(body);
      expect(sample, name).not.toBeNull();
      const found = [...(sample?.[1] ?? '').matchAll(/(\w+)="/g)].map((match) => match[1]);
      expect(found, name).toEqual(labels);
    }
  });

  it('has the metrics of the process', async () => {
    const { body } = await createMetrics().render();
    for (const name of [
      'process_cpu_seconds_total',
      'process_resident_memory_bytes',
      'nodejs_eventloop_lag_p99_seconds',
    ]) {
      expect(body).toMatch(new RegExp(`^${name} `, 'm'));
    }
  });

  it('asks the collectors at each render, and keeps nothing of the last time', async () => {
    const metrics = createMetrics();
    let age = 1;
    const stop = metrics.onCollect((gauges) => gauges.thumbnailAgeSeconds.set({ stream: age < 3 ? 'a' : 'b' }, age));
    const age1 = 'sidepipe_thumbnail_age_seconds{';
    expect(lines((await metrics.render()).body, age1)).toEqual([`${age1}stream="a"} 1`]);
    age = 3;
    expect(lines((await metrics.render()).body, age1)).toEqual([`${age1}stream="b"} 3`]);
    stop();
    expect(lines((await metrics.render()).body, age1)).toEqual([]);
  });

  it('keeps renders at the same time apart', async () => {
    const metrics = createMetrics();
    metrics.onCollect(async (gauges) => {
      await new Promise((resolve) => setImmediate(resolve));
      gauges.streams.set({ state: 'live' }, 1);
    });
    for (const { body } of await Promise.all([metrics.render(), metrics.render(), metrics.render()])) {
      expect(lines(body, 'sidepipe_streams{')).toEqual(['sidepipe_streams{state="live"} 1']);
    }
  });

  it('goes on without a collector that fails, and says so', async () => {
    const errors: unknown[] = [];
    const metrics = createMetrics({ onCollectorError: (error) => errors.push(error) });
    metrics.onCollect(() => Promise.reject(new Error('broken')));
    metrics.onCollect((gauges) => gauges.uploadBacklogBytes.set(7));
    expect((await metrics.render()).body).toContain('sidepipe_upload_backlog_bytes 7');
    expect(errors).toMatchObject([{ message: 'broken' }]);
  });

  it('forgets a removed stream and no other', async () => {
    const metrics = filled();
    expect((await metrics.render()).body).toContain('stream="a"');
    await metrics.forget('a');
    await metrics.forget('never-there');
    const { body } = await metrics.render();
    expect(body).not.toContain('stream="a"');
    const left = lines(body, 'sidepipe_').filter((line) => line.includes('stream="b"') && !line.includes('_bucket'));
    expect(left).toHaveLength(20);
  });

  it('stands beside another one in the same process', async () => {
    const [one, two] = [createMetrics(), createMetrics()];
    one.framesCaptured.inc({ stream: 'a' });
    expect((await two.render()).body).not.toContain('stream="a"');
  });
});
