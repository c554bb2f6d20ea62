import { resolve } from 'node:path';
import type { Finding } from '../config/parse.js';
import type { Config } from '../config/schema/schema.js';
import { readSource } from './source.js';

/** Findings for streams with an invalid `source`. A node runs the other streams; a configuration check reports these. */
export function sourceFindings({ streams }: Pick<Config, 'streams'>): Finding[] {
  return streams.flatMap(({ source, input }, index) => {
    const read = readSource(source, (path) => resolve(path), input.format);
    if (read.kind !== 'unknown') return [];
    const message = read.problem.message.replace(/^source: /, '');
    return [{ path: ['streams', index, 'source'], message, named: false }];
  });
}
