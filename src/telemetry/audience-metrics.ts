import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** What is known of those who watch. The only label is the stream's name: players say nothing that becomes one. */
export function createAudienceMetrics(registers: Registry[]) {
  const events = {
    playerReports: new Counter({
      name: 'sidepipe_player_reports_total',
      help: 'Requests in which players told of themselves (CMCD), by what they told: request (any), startup (needed at once), rebuffer (the buffer had run dry).',
      labelNames: ['stream', 'event'],
      registers,
    }),
    playerThroughput: new Histogram({
      name: 'sidepipe_player_throughput_bits_per_second',
      help: 'The throughput that players measured, as they told (CMCD).',
      labelNames: ['stream'],
      buckets: [5e5, 1e6, 2e6, 4e6, 8e6, 16e6, 32e6, 64e6, 128e6],
      registers,
    }),
    playerBitrate: new Histogram({
      name: 'sidepipe_player_bitrate_bits_per_second',
      help: 'The bit rate of what players asked for, as they told (CMCD).',
      labelNames: ['stream'],
      buckets: [2.5e5, 5e5, 1e6, 2e6, 4e6, 6e6, 8e6, 12e6, 16e6],
      registers,
    }),
  } as const;
  return {
    events,
    viewers: new Gauge({
      name: 'sidepipe_viewers',
      help: 'Players that asked for a media playlist of a stream lately.',
      labelNames: ['stream'],
      registers,
    }),
    /** Takes a removed stream's histograms away. */
    forget(stream: string): void {
      events.playerThroughput.remove({ stream });
      events.playerBitrate.remove({ stream });
    },
  };
}
