import { createMetrics } from '../../src/telemetry/metrics.js';

/** The names of time series that a node has, histograms by their parts. */
export async function seriesNames(): Promise<Set<string>> {
  const { body } = await createMetrics().render();
  const names = new Set<string>();
  for (const [, name = '', type] of body.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    names.add(name);
    if (type === 'histogram') for (const part of ['bucket', 'sum', 'count']) names.add(`${name}_${part}`);
  }
  return names;
}

/** The names of the metrics in a PromQL expression. */
export function metricsIn(expression: string): string[] {
  // Texts, label matchers, groupings and durations hold words that are no metrics.
  const bare = expression
    .replace(/"[^"]*"/g, '""')
    .replace(/\{[^}]*\}/g, '')
    .replace(/\b(?:by|without|on|ignoring)\s*\([^)]*\)/g, '')
    .replace(/\[[^\]]*\]/g, '');
  return [...bare.matchAll(/\b[a-z_][a-z0-9_]*\b(?!\s*\()/gi)]
    .map(([word]) => word)
    .filter((word) => !/^(?:and|or|unless|bool|offset)$/.test(word));
}
