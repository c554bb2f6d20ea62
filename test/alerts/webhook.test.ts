import { describe, expect, it } from 'vitest';
import { Webhook, type WebhookLimits, type WebhookOptions, type WebhookResult } from '../../src/alerts/webhook.js';
import { verifyWebhook } from '../../src/index.js';
import { until } from '../support/wait.js';
import { startReceiver, status } from './receiver.js';

const secret = 'a secret of some length';
const quick: Partial<WebhookLimits> = { minDelayMs: 4, maxDelayMs: 10, timeoutMs: 5000 };

function makeWebhook(url: string, limits: Partial<WebhookLimits> = {}, options: Partial<WebhookOptions> = {}) {
  const results: WebhookResult[] = [];
  const waits: number[] = [];
  const log: string[] = [];
  const webhook = new Webhook({
    url,
    secret,
    log: { warn: (facts: object | string, message?: string) => void log.push(`${JSON.stringify(facts)} ${message}`) },
    episodes: {
      happened: (_kind, message, facts) => void log.push(`${JSON.stringify(facts)} ${message}`),
      ended: () => {},
    },
    onResult: (result) => void results.push(result),
    now: Date.now,
    delay: (ms, signal) =>
      new Promise((resolve, reject) => {
        waits.push(ms);
        const timer = setTimeout(resolve, ms);
        signal.addEventListener('abort', () => {
          clearTimeout(timer);
          reject(new Error('aborted'));
        });
      }),
    random: () => 0,
    userAgent: 'test',
    limits: { ...quick, ...limits },
    ...options,
  });
  const send = (id: string, stream = 'door') =>
    webhook.send({ id, stream, alert: 'stale', body: JSON.stringify({ id }) });
  return { webhook, results, waits, log, send };
}

const idOf = ({ body }: { readonly body: string }): string => (JSON.parse(body) as { id: string }).id;

describe('Webhook', () => {
  it('sends a body that the receiver can verify', async () => {
    const receiver = await startReceiver();
    const { webhook, send, results } = makeWebhook(receiver.url);
    send('1');
    await until('the next step', () => results.length > 0);
    const [{ headers, body, path }] = receiver.requests as [(typeof receiver.requests)[number]];
    expect(path).toBe('/hook');
    expect(headers['content-type']).toBe('application/json');
    expect(verifyWebhook({ secret, headers, body })).toBe(true);
    expect(verifyWebhook({ secret: 'another secret here', headers, body })).toBe(false);
    expect(results).toEqual(['delivered']);
    expect(webhook.waiting).toBe(0);
    expect(webhook.waitingBytes).toBe(0);
  });

  it.each([
    ['user:pass%3Aw%C3%B6rd', 'user:pass:wörd'],
    ['a-key', 'a-key:'],
    ['user:100%', 'user:100%'],
  ])('takes %s before the host for what a receiver asks for', async (written, meant) => {
    const receiver = await startReceiver();
    const { send, results } = makeWebhook(receiver.url.replace('://', `://${written}@`));
    send('1');
    await until('the next step', () => results.length > 0);
    expect(receiver.requests.map(({ headers }) => headers.authorization)).toEqual([
      `Basic ${Buffer.from(meant).toString('base64')}`,
    ]);
    expect(results).toEqual(['delivered']);
  });

  it.each([500, 503, 408, 429])('tries again after %i, waiting longer each time', async (code) => {
    const receiver = await startReceiver(status(code), status(code), status(code), status(200));
    const { send, results, waits } = makeWebhook(receiver.url, { minDelayMs: 4, maxDelayMs: 1000 });
    send('1');
    await until('the next step', () => results.at(-1) === 'delivered');
    expect(results).toEqual(['retried', 'retried', 'retried', 'delivered']);
    expect(waits).toEqual([2, 4, 8]);
    expect(new Set(receiver.requests.map(idOf))).toEqual(new Set(['1']));
  });

  it('spreads its retries', async () => {
    const receiver = await startReceiver(status(500), status(500), status(200));
    const { send, results, waits } = makeWebhook(receiver.url, { maxDelayMs: 1000 }, { random: () => 0.9 });
    send('1');
    await until('the next step', () => results.at(-1) === 'delivered');
    expect(waits.map((ms) => Math.round(ms * 10) / 10)).toEqual([3.8, 7.6]);
  });

  it('waits as long as it is asked to, within bounds', async () => {
    const receiver = await startReceiver(
      status(429, { 'retry-after': '1' }),
      status(503, { 'retry-after': '86400' }),
      status(200),
    );
    const { send, results, waits } = makeWebhook(receiver.url, { maxDelayMs: 1100 });
    send('1');
    await until('the next step', () => results.at(-1) === 'delivered');
    expect(waits).toEqual([1000, 1100]);
  });

  it('tries again after a reset connection and after silence', async () => {
    const receiver = await startReceiver(
      (response) => response.destroy(),
      () => {},
      status(200),
    );
    const { send, results, log } = makeWebhook(receiver.url, { timeoutMs: 300 });
    send('1');
    await until('the next step', () => results.at(-1) === 'delivered');
    expect(results).toEqual(['retried', 'retried', 'delivered']);
    expect(log.join()).toContain('no response within 0.3 s');
  });

  it('does not wait for the end of an endless answer', async () => {
    const receiver = await startReceiver((response) => void response.writeHead(200).write('and so on'));
    const { send, results } = makeWebhook(receiver.url);
    send('1');
    await until('the next step', () => results.length > 0);
    expect(results).toEqual(['delivered']);
  });

  it.each([400, 401, 404, 410, 422])('does not try again after %i', async (code) => {
    const receiver = await startReceiver(status(code));
    const { send, results, log, webhook } = makeWebhook(receiver.url);
    send('1');
    send('2');
    await until('the next step', () => webhook.waiting === 0);
    expect(results).toEqual(['rejected', 'rejected']);
    expect(receiver.requests).toHaveLength(2);
    expect(log.join()).toContain(`status ${code}`);
  });

  it.each([301, 302, 307, 308])('does not follow a redirect (%i)', async (code) => {
    const other = await startReceiver();
    const receiver = await startReceiver(status(code, { location: other.url }));
    const { send, webhook, results } = makeWebhook(receiver.url);
    send('1');
    await until('the next step', () => webhook.waiting === 0);
    expect(results).toEqual(['rejected']);
    expect(other.requests).toEqual([]);
  });

  it('gives up after its attempts, tells so without the secret or the path, and goes on with the next', async () => {
    const receiver = await startReceiver(...new Array(3).fill(status(500)), status(200));
    const { send, results, log, webhook } = makeWebhook(receiver.url, { attempts: 3 });
    send('1');
    send('2');
    await until('the next step', () => webhook.waiting === 0);
    expect(results).toEqual(['retried', 'retried', 'given-up', 'delivered']);
    expect(log.join()).toContain('"result":"given-up"');
    expect(log.join()).not.toContain(secret);
    expect(log.join()).not.toContain('/hook');
  });

  it('keeps the order of each stream, and lets none wait for another', async () => {
    const held: (() => void)[] = [];
    const receiver = await startReceiver((response) => void held.push(() => response.writeHead(200).end()));
    const { send, webhook } = makeWebhook(receiver.url, { concurrency: 2 });
    for (const id of ['a1', 'a2', 'a3']) send(id, 'a');
    for (const id of ['b1', 'b2']) send(id, 'b');
    await until('the next step', () => held.length === 2);
    expect(receiver.requests.map(idOf).sort()).toEqual(['a1', 'b1']);
    while (webhook.waiting > 0) {
      await until('the next step', () => held.length > 0 || webhook.waiting === 0);
      held.shift()?.();
    }
    const ids = receiver.requests.map(idOf);
    expect(ids.filter((id) => id.startsWith('a'))).toEqual(['a1', 'a2', 'a3']);
    expect(ids.filter((id) => id.startsWith('b'))).toEqual(['b1', 'b2']);
  });

  it('holds no more than it may, in number and in bytes, and drops the oldest that waits', async () => {
    const receiver = await startReceiver(() => {});
    const { send, results, webhook } = makeWebhook(receiver.url, { messages: 3 });
    for (let each = 0; each < 10; each += 1) send(String(each));
    expect(webhook.waiting).toBe(3);
    expect(results).toEqual(new Array(7).fill('dropped'));
    await webhook.close(0);
    const small = makeWebhook(receiver.url, { bytes: 40 });
    for (let each = 0; each < 10; each += 1) small.send(String(each));
    expect(small.webhook.waitingBytes).toBeLessThanOrEqual(40);
    expect(small.webhook.waiting).toBe(4);
    small.send('x'.repeat(50));
    expect(small.results.at(-1)).toBe('dropped');
    await small.webhook.close(0);
  });

  it('sends what it is asked to tell of only', async () => {
    const receiver = await startReceiver();
    const { webhook, send, results } = makeWebhook(receiver.url, {}, { events: ['black'] });
    send('1');
    webhook.send({ id: '2', stream: 'door', alert: 'black', body: '{"id":"2"}' });
    await until('the next step', () => results.length > 0);
    expect(receiver.requests.map(idOf)).toEqual(['2']);
  });

  it('lets what waits be delivered when it is closed, and takes nothing more', async () => {
    const receiver = await startReceiver(status(500), status(200));
    const { webhook, send, results } = makeWebhook(receiver.url);
    for (const id of ['1', '2', '3']) send(id);
    await webhook.close(5000);
    send('4');
    expect(results).toEqual(['retried', 'delivered', 'delivered', 'delivered']);
    expect(webhook.waiting).toBe(0);
  });

  it('gives up what is not delivered within the deadline', async () => {
    const receiver = await startReceiver(() => {});
    const { webhook, send, results } = makeWebhook(receiver.url);
    for (const id of ['1', '2', '3']) send(id);
    await until('the next step', () => receiver.requests.length === 1);
    await webhook.close(10);
    expect(results).toEqual(['given-up', 'given-up', 'given-up']);
    expect(webhook.waiting).toBe(0);
  });
});
