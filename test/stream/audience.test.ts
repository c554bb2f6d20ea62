import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StreamAudience } from '../../src/stream/audience.js';
import { createMetrics } from '../../src/telemetry/metrics.js';

const start = 1_800_000_000_000;

function audience(most?: number) {
  const clock = { now: start };
  const metrics = createMetrics();
  const made = new StreamAudience({ stream: 'door', metrics, now: () => clock.now, ...(most && { most }) });
  return { audience: made, clock, metrics };
}

describe('StreamAudience', () => {
  it('counts each viewer once, for three target durations after its last request', () => {
    const { audience: door, clock } = audience();
    for (const id of [1, 2, 1]) door.seen({ id, former: undefined }, 4, clock.now);
    expect(door.viewers).toBe(2);
    clock.now += 8000;
    door.seen({ id: 2, former: undefined }, 4, clock.now);
    clock.now += 4000;
    expect(door.viewers).toBe(1);
    clock.now += 8000;
    expect(door.viewers).toBe(0);
  });

  it('does not count a viewer twice when the salt changes', () => {
    const { audience: door, clock } = audience();
    door.seen({ id: 1, former: undefined }, 2, clock.now);
    door.seen({ id: 9, former: 1 }, 2, clock.now);
    expect(door.viewers).toBe(1);
  });

  it('holds a bounded number', () => {
    const { audience: door, clock } = audience(3);
    for (let id = 0; id < 10; id += 1) door.seen({ id, former: undefined }, 2, clock.now);
    expect(door.viewers).toBe(3);
  });

  it('counts as a list of the last requests would', () => {
    const request = fc.record({ id: fc.nat(5), waitMs: fc.nat(3000) });
    fc.assert(
      fc.property(fc.array(request, { maxLength: 60 }), (requests) => {
        const { audience: door, clock } = audience();
        const last = new Map<number, number>();
        for (const { id, waitMs } of requests) {
          clock.now += waitMs;
          door.seen({ id, former: undefined }, 2, clock.now);
          last.set(id, clock.now);
          expect(door.viewers).toBe([...last.values()].filter((at) => clock.now - at < 6000).length);
        }
      }),
    );
  });

  it('passes on what players tell, by stream and nothing else', async () => {
    const { audience: door, metrics } = audience();
    door.report({ starved: true, startup: true, throughput: 5e6, bitrate: 3e6 });
    door.report({});
    const { body } = await metrics.render();
    expect(body).toContain('sidepipe_player_reports_total{stream="door",event="request"} 2');
    expect(body).toContain('sidepipe_player_reports_total{stream="door",event="rebuffer"} 1');
    expect(body).toContain('sidepipe_player_reports_total{stream="door",event="startup"} 1');
    expect(body).toContain('sidepipe_player_throughput_bits_per_second_sum{stream="door"} 5000000');
    expect(body).toContain('sidepipe_player_bitrate_bits_per_second_sum{stream="door"} 3000000');
  });
});
