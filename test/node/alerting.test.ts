import { expect, it, onTestFinished } from 'vitest';
import { NodeClock } from '../../src/clock.js';
import { parseConfig } from '../../src/config/parse.js';
import { createConditionChanges } from '../../src/events/condition-changes.js';
import { Feed } from '../../src/events/feed.js';
import { openAlerts } from '../../src/node/alerting.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { createMetrics } from '../../src/telemetry/metrics.js';

it('tells whoever listens to the API of an alert, with its times as they stand in JSON', async () => {
  const events = createConditionChanges();
  const feed = new Feed({ run: 'test', now: Date.now });
  const reader = feed.read({ types: ['alert'] })!;
  const alerts = openAlerts({
    config: parseConfig({ streams: [{ name: 'cam', source: 'test', alerts: { blackAfterSeconds: 0 } }] }),
    log: createLogger({ level: 'silent', secrets: [] }),
    ...{ events, feed, metrics: createMetrics(), clock: new NodeClock() },
  });
  onTestFinished(async () => {
    events.close();
    await alerts.close(1000);
  });
  const at = Date.now() - 1500;
  events.publish({ stream: 'cam', type: 'black', at, details: {} });
  const [item] = (await reader.take(5000))!;
  expect(item?.event).toMatchObject({
    ...{ type: 'alert', stream: 'cam', alert: 'black', state: 'raised' },
    ...{ since: new Date(at).toISOString(), at: expect.stringMatching(/^20.*Z$/) },
  });
});
