import type { Gauges, Metrics } from '../telemetry/metrics.js';
import type { Stream } from './stream.js';
import type { StreamDirectory, StreamState } from './types.js';

const states: readonly StreamState[] = ['idle', 'starting', 'live', 'recovering', 'failed'];
const publicationStates = ['waiting', 'publishing', 'standby', 'ended'] as const;

/** All streams of a node, in the order in which they were added. */
export class StreamRegistry implements StreamDirectory {
  readonly #streams = new Map<string, Stream>();

  list(): readonly Stream[] {
    return [...this.#streams.values()];
  }

  get(name: string): Stream | undefined {
    return this.#streams.get(name);
  }

  add(stream: Stream): void {
    this.#streams.set(stream.name, stream);
  }

  async tick(): Promise<void> {
    await Promise.all(this.list().map((stream) => stream.tick()));
  }

  /** Ends all streams side by side. */
  async close(deadlineMs: number): Promise<void> {
    await Promise.all(this.list().map((stream) => stream.close(deadlineMs)));
  }

  /** Sets what Prometheus is told at this moment. */
  async collect(gauges: Gauges, metrics: Metrics): Promise<void> {
    for (const state of states) {
      gauges.streams.set({ state }, this.list().filter((stream) => stream.state === state).length);
    }
    for (const stream of this.list()) {
      const labels = { stream: stream.name };
      const { state, ageSeconds } = stream.images.status;
      if (ageSeconds !== undefined) gauges.thumbnailAgeSeconds.set(labels, ageSeconds);
      for (const each of ['fresh', 'stale', 'offline'] as const) {
        gauges.thumbnailState.set({ ...labels, state: each }, each === state ? 1 : 0);
      }
      const gate = stream.images.status.gate?.state;
      for (const each of gate === undefined ? [] : (['good', 'black', 'flat', 'frozen'] as const)) {
        gauges.thumbnailGate.set({ ...labels, state: each }, each === gate ? 1 : 0);
      }
      if (stream.playlistLagSeconds !== undefined)
        gauges.remotePlaylistLagSeconds.set(labels, stream.playlistLagSeconds);
      if (stream.monitor !== undefined) gauges.monitorViewers.set(labels, stream.monitor.status.viewers);
      const { publicationState } = stream;
      for (const each of publicationState === undefined ? [] : publicationStates) {
        gauges.publicationState.set({ ...labels, state: each }, each === publicationState ? 1 : 0);
      }
      metrics.ffmpegCpuSeconds.inc(labels, await stream.takeCpuSeconds());
    }
  }
}
