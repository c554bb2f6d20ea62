import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Metrics of viewers. The only label is the stream's name: nothing that players send becomes a label. */
export function createAudienceMetrics(registers: Registry[]) {
  const events = {
    playerReports: new Counter({
      name: 'sidepipe_player_reports_total',
      help: 'Requests with CMCD data from players, by event: request (any), startup (data needed urgently), rebuffer (the buffer ran empty).',
      labelNames: ['stream', 'event'],
      registers,
    }),
    playerThroughput: new Histogram({
      name: 'sidepipe_player_throughput_bits_per_second',
      help: 'Throughput measured by players, as reported in CMCD.',
      labelNames: ['stream'],
      buckets: [5e5, 1e6, 2e6, 4e6, 8e6, 16e6, 32e6, 64e6, 128e6],
      registers,
    }),
    playerBitrate: new Histogram({
      name: 'sidepipe_player_bitrate_bits_per_second',
      help: 'Bitrate of the media requested by players, as reported in CMCD.',
      labelNames: ['stream'],
      buckets: [2.5e5, 5e5, 1e6, 2e6, 4e6, 6e6, 8e6, 12e6, 16e6],
      registers,
    }),
  } as const;
  return {
    events,
    viewers: new Gauge({
      name: 'sidepipe_viewers',
      help: 'Players that requested a media playlist of a stream recently.',
      labelNames: ['stream'],
      registers,
    }),
    /** Removes the histograms of a removed stream. */
    forget(stream: string): void {
      events.playerThroughput.remove({ stream });
      events.playerBitrate.remove({ stream });
    },
  };
}
