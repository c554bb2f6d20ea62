import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { publicationStates } from '../../src/terms.js';
import { metricsIn, seriesNames } from './expressions.js';

const read = (name: string) => readFileSync(new URL(`../../deploy/${name}`, import.meta.url), 'utf8');

it('metricsIn lists the metrics of an expression, without labels and functions', () => {
  const expression = 'histogram_quantile(0.95, sum by (le, kind) (rate(a_bucket{x=~"b|c"}[5m]))) > 3 and d == 0';
  expect(metricsIn(expression)).toEqual(['a_bucket', 'd']);
});

describe('Prometheus rules', () => {
  const rule = z.strictObject({
    alert: z.string().regex(/^Sidepipe[A-Za-z]+$/),
    expr: z.string(),
    for: z
      .string()
      .regex(/^\d+[smh]$/)
      .optional(),
    labels: z.strictObject({ severity: z.enum(['warning', 'critical']) }),
    annotations: z.strictObject({ summary: z.string().min(10), description: z.string().min(10) }),
  });
  const file = z.strictObject({ groups: z.array(z.strictObject({ name: z.string(), rules: z.array(rule) })) });
  const rules = file.parse(parse(read('prometheus-rules.yaml'))).groups.flatMap((group) => group.rules);

  it('use only metrics that the node exposes', async () => {
    const names = await seriesNames();
    for (const { alert, expr } of rules) {
      const asked = metricsIn(expr);
      expect(asked.length, alert).toBeGreaterThan(0);
      expect(
        asked.filter((name) => name !== 'up' && !names.has(name)),
        alert,
      ).toEqual([]);
    }
  });

  it('have unique names and cover node, thumbnails, uploads and restarts', () => {
    const names = rules.map(({ alert }) => alert);
    expect(new Set(names).size).toBe(names.length);
    const all = rules.map(({ expr }) => expr).join('\n');
    for (const word of ['up{', '"stale"', '"offline"', '"frozen"', 'lag_seconds', 'backlog_bytes', 'restarts_total']) {
      expect(all).toContain(word);
    }
  });
});

describe('Grafana dashboard', () => {
  const source = z.object({ type: z.literal('prometheus'), uid: z.literal(`\${datasource}`) });
  const target = z.strictObject({
    refId: z.string().regex(/^[A-Z]$/),
    datasource: source,
    expr: z.string(),
    legendFormat: z.string(),
    instant: z.boolean().optional(),
  });
  const place = z.strictObject({ x: z.int().min(0), y: z.int().min(0), w: z.int().min(1), h: z.int().min(1) });
  const panel = z.object({
    id: z.int().positive(),
    title: z.string().min(1),
    type: z.enum(['row', 'stat', 'timeseries', 'state-timeline']),
    gridPos: place,
    datasource: source.optional(),
    targets: z.array(target).min(1).optional(),
    fieldConfig: z.object({ defaults: z.object({}), overrides: z.array(z.unknown()) }).optional(),
  });
  const variable = z.object({ name: z.string(), type: z.enum(['datasource', 'query']) });
  const dashboard = z
    .object({
      title: z.literal('sidepipe'),
      uid: z.string().max(40),
      schemaVersion: z.int().min(36),
      templating: z.object({ list: z.array(variable) }),
      panels: z.array(panel),
    })
    .parse(JSON.parse(read('grafana-dashboard.json')));
  const targets = dashboard.panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));

  it('uses only metrics that the node exposes and variables that it declares', async () => {
    const names = await seriesNames();
    const variables = ['__rate_interval', ...dashboard.templating.list.map(({ name }) => name)];
    for (const { title, expr } of targets) {
      expect(
        metricsIn(expr).filter((name) => !names.has(name)),
        title,
      ).toEqual([]);
      for (const [, name] of expr.matchAll(/\$(\w+)/g)) expect(variables, title).toContain(name);
    }
  });

  it("filters every metric by job and instance, and takes rates over Grafana's scrape interval", () => {
    for (const { title, expr } of targets) {
      const matchers = [...expr.matchAll(/\{([^}]*)\}/g)].map(([, inside]) => inside ?? '');
      expect(matchers.length, title).toBe(metricsIn(expr).length);
      for (const inside of matchers) expect(inside, title).toMatch(/^job=~"\$job",instance=~"\$instance"/);
      if (/\brate\(/.test(expr)) expect(expr, title).toContain('[$__rate_interval]');
    }
  });

  it('shows every metric of the node', async () => {
    const asked = new Set(targets.flatMap(({ expr }) => metricsIn(expr)).map((name) => name.replace(/_bucket$/, '')));
    const { body } = await import('../../src/telemetry/metrics.js').then(({ createMetrics }) =>
      createMetrics().render(),
    );
    const own = [...body.matchAll(/^# TYPE (sidepipe_\S+) /gm)].map(([, name]) => name ?? '');
    expect(own.filter((name) => !asked.has(name)).sort()).toEqual([]);
  });

  it('shows as a publication problem every state but publishing, idle and ended', () => {
    const { expr } = targets.find((each) => each.expr.includes('sidepipe_publication_state'))!;
    const shown = /,state=~"([^"]+)"/.exec(expr)![1]!.split('|');
    const normal: readonly string[] = ['publishing', 'idle', 'ended'];
    expect(shown.sort()).toEqual(publicationStates.filter((state) => !normal.includes(state)).sort());
  });

  it('has panels that do not overlap', () => {
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const taken = new Set<string>();
    for (const { title, gridPos } of panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          expect(taken.has(`${x} ${y}`), `${title} at ${x} ${y}`).toBe(false);
          taken.add(`${x} ${y}`);
        }
      }
    }
  });
});
