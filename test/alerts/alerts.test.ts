import { describe, expect, it, onTestFinished } from 'vitest';
import type { AlertChange, StreamChange } from '../../src/alerts/alert.js';
import { Alerts } from '../../src/alerts/alerts.js';
import { parseConfig } from '../../src/config/parse.js';
import { collectSecrets } from '../../src/config/redact.js';
import { Topic } from '../../src/events/topic.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { startNode } from '../support/node.js';
import { until } from '../support/wait.js';
import { startReceiver, status } from './receiver.js';

const secret = 'a secret of some length';

describe('Alerts', () => {
  it('tells each webhook, the log and the metrics', async () => {
    const all = await startReceiver();
    const some = await startReceiver(status(404));
    const config = parseConfig({
      http: { publicUrl: 'https://live.example.org' },
      alerts: {
        clearedAfterSeconds: 0,
        webhooks: [
          { url: all.url, secret },
          { url: some.url, secret, events: ['frozen'] },
        ],
      },
      streams: [{ name: 'door', source: 'test', thumbnail: { formats: ['webp'] }, alerts: { blackAfterSeconds: 0 } }],
    });
    const topic = new Topic<StreamChange>();
    const metrics = createMetrics();
    const lines: string[] = [];
    const log = createLogger({
      level: 'info',
      secrets: collectSecrets(config),
      destination: { write: (line) => void lines.push(line) },
    });
    const alerts = new Alerts({ config, events: topic.subscribe(), metrics, log, userAgent: 'sidepipe/test' });
    onTestFinished(() => {
      topic.close();
      return alerts.close(1000);
    });
    alerts.start();
    const at = Date.now() - 1500;
    topic.publish({ stream: 'door', type: 'black', at, details: { brightness: 3 } });
    topic.publish({ stream: 'door', type: 'frozen', at, details: {} });
    await until('both webhooks', () => all.requests.length === 3 && some.requests.length === 1);
    const [raised, ...further] = all.requests.map(({ body }) => JSON.parse(body));
    expect(raised).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      stream: 'door',
      alert: 'black',
      state: 'raised',
      at: expect.stringMatching(/Z$/),
      since: new Date(at).toISOString(),
      details: { brightness: 3 },
      picture: 'https://live.example.org/live/door/thumbnail.webp',
    });
    expect(further.map(({ alert, state }) => `${alert} ${state}`).sort()).toEqual(['black cleared', 'frozen raised']);
    expect(all.requests[0]?.headers['user-agent']).toBe('sidepipe/test');
    const body = await until('the last answer to be counted', async () => {
      const { body } = await metrics.render();
      return body.includes('sidepipe_webhooks_total{result="delivered"} 3') && body;
    });
    expect(body).toContain('sidepipe_alerts_total{stream="door",alert="black",state="raised"} 1');
    expect(body).toContain('sidepipe_webhooks_total{result="rejected"} 1');
    expect(lines.join()).toContain('"alert":"black","alertState":"raised"');
    expect(lines.join()).not.toContain(secret);
  });

  it('waits as long as it was told to whenever the system clock is set, and gives dates by that clock', async () => {
    const start = Date.UTC(2027, 0, 1);
    const clock = { now: start, offsetMs: 0 };
    const config = parseConfig({
      streams: [
        {
          name: 'door',
          source: 'test',
          alerts: { blackAfterSeconds: 60, staleAfterSeconds: 0, laggingAfterSeconds: 0 },
        },
      ],
    });
    const topic = new Topic<StreamChange>();
    const changes: AlertChange[] = [];
    const alerts = new Alerts({
      ...{ config, events: topic.subscribe(), metrics: createMetrics(), userAgent: 'test' },
      log: createLogger({ level: 'silent', secrets: [] }),
      now: () => clock.now,
      dateOf: (at) => at + clock.offsetMs,
      onChange: (change) => void changes.push(change),
    });
    onTestFinished(() => {
      topic.close();
      return alerts.close(1000);
    });
    alerts.start();
    const hour = 3_600_000;
    topic.publish({ stream: 'door', type: 'black', at: start, details: {} });
    topic.publish({ stream: 'door', type: 'lagging', at: start, details: {} });
    await until('the first events to be read', () => changes.length === 1);
    clock.offsetMs = hour;
    clock.now += 59_000;
    topic.publish({ stream: 'door', type: 'stale', at: clock.now + hour, details: {} });
    await until('the next event to be read', () => changes.length > 1);
    expect(changes.map(({ alert }) => alert)).toEqual(['lagging', 'stale']);
    clock.now += 1000;
    const raised = await until('the alert', () => changes.find(({ alert }) => alert === 'black'));
    expect(raised).toMatchObject({ state: 'raised', at: start + hour + 60_000, since: start + hour });
  });

  it('is over in order although a receiver is silent', async () => {
    const receiver = await startReceiver(() => {});
    const config = parseConfig({ alerts: { webhooks: [{ url: receiver.url, secret }] } });
    const topic = new Topic<StreamChange>();
    const metrics = createMetrics();
    const log = createLogger({ level: 'silent', secrets: [] });
    const alerts = new Alerts({ config, events: topic.subscribe(), metrics, log, userAgent: 'test' });
    alerts.start();
    topic.publish({ stream: 'door', type: 'frozen', at: 1, details: {} });
    await until('the request', () => receiver.requests.length === 1);
    topic.close();
    await alerts.close(20);
    expect((await metrics.render()).body).toContain('sidepipe_webhooks_total{result="given-up"} 1');
  });

  it('is told of a stream that cannot be opened', async () => {
    const receiver = await startReceiver();
    await startNode({
      alerts: { offlineAfterSeconds: 0, webhooks: [{ url: receiver.url, secret }] },
      streams: [{ name: 'door', source: 'rtsp://user:hidden-word@127.0.0.1:1/camera' }],
    });
    await until('the alert', () => receiver.requests.length > 0);
    const [first] = receiver.requests;
    expect(JSON.parse(first?.body ?? '')).toMatchObject({ stream: 'door', alert: 'offline', state: 'raised' });
    expect(first?.body).not.toContain('hidden-word');
  });
});
