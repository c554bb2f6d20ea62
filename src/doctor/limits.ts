import type { Config } from '../config/schema/schema.js';
import { connectionBudget, descriptorProblem, readDescriptorLimit } from '../io/descriptors.js';
import type { Check, CheckResult } from './check.js';

/**
 * Whether the process may open as many files as its streams and viewers need. This is the limit of the doctor process: a service
 * manager can set another one for the node.
 */
export function limitChecks({ streams }: Pick<Config, 'streams'>, readLimit = () => readDescriptorLimit()): Check {
  const result = { area: 'limits', check: 'open files' };
  return {
    area: 'limits',
    async run(): Promise<readonly CheckResult[]> {
      const limit = await readLimit();
      if (limit === undefined) return [{ ...result, ok: true, detail: 'no limit' }];
      const problem = descriptorProblem(limit, streams.length);
      if (problem === undefined) {
        const left = connectionBudget(limit, streams.length);
        return [{ ...result, ok: true, detail: `${limit}; ${left} remain for connections` }];
      }
      const { isFatal, detail, remedy } = problem;
      return [{ ...result, ok: isFatal ? false : 'warning', detail, remedy }];
    },
  };
}
