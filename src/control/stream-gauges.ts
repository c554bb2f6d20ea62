import type { Stream } from '../stream/stream.js';
import type { Gauges, Metrics } from '../telemetry/metrics.js';
import { gateStates, imageStates, publicationStates, streamStates } from '../terms.js';

/** Sets the gauges of streams for a scrape. Also counts ffmpeg's CPU time, which is read only then. */
export async function setStreamGauges(
  streams: readonly Stream[],
  gauges: Gauges,
  metrics: Pick<Metrics, 'ffmpegCpuSeconds'>,
): Promise<void> {
  for (const state of streamStates) {
    gauges.streams.set({ state }, streams.filter((stream) => stream.state === state).length);
  }
  for (const stream of streams) {
    const labels = { stream: stream.name };
    gauges.viewers.set(labels, stream.audience.viewers);
    const { state, ageSeconds, gate } = stream.images.status;
    if (ageSeconds !== undefined) gauges.thumbnailAgeSeconds.set(labels, ageSeconds);
    for (const each of imageStates) gauges.thumbnailState.set({ ...labels, state: each }, each === state ? 1 : 0);
    for (const each of gate === undefined ? [] : gateStates) {
      gauges.thumbnailGate.set({ ...labels, state: each }, each === gate?.state ? 1 : 0);
    }
    if (stream.playlistLagSeconds !== undefined) gauges.remotePlaylistLagSeconds.set(labels, stream.playlistLagSeconds);
    if (stream.monitor !== undefined) gauges.monitorViewers.set(labels, stream.monitor.status.viewers);
    if (stream.whep !== undefined) gauges.webrtcViewers.set(labels, stream.whep.status.viewers);
    const { publicationState } = stream;
    for (const each of publicationState === undefined ? [] : publicationStates) {
      gauges.publicationState.set({ ...labels, state: each }, each === publicationState ? 1 : 0);
    }
    metrics.ffmpegCpuSeconds.inc(labels, await stream.takeCpuSeconds());
  }
}
