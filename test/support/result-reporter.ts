import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import type { Reporter, SerializedError, TestCase, TestModule } from 'vitest/node';

/**
 * Ends a run with one line: how many tests passed, failed, were skipped, passed only when they were tried again, and the time.
 * With TEST_REPORT set, the same numbers, the time of each file and the failures are written to that path as JSON, for `.ci/run`.
 */
export default class ResultReporter implements Reporter {
  readonly #startedAt = performance.now();

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const count = (state: string) => tests.filter((test) => test.result().state === state).length;
    // A file that cannot be loaded, or whose hooks fail, has no failed test.
    const broken = modules.filter((module) => module.state() === 'failed' && !hasFailedTest(module)).length;
    const result = {
      passed: count('passed'),
      failed: count('failed') + broken + unhandled.length,
      skipped: count('skipped'),
      retried: tests.filter(passedOnRetry).length,
      seconds: secondsOf(performance.now() - this.#startedAt),
    };
    const { passed, failed, skipped, retried, seconds } = result;
    process.stdout.write(
      `${passed} passed, ${failed} failed, ${skipped} skipped, ${retried} retried, in ${seconds} s\n`,
    );
    const path = process.env['TEST_REPORT'];
    if (path === undefined) return;
    const files = modules.map((module) => ({
      file: relative(process.cwd(), module.moduleId),
      seconds: secondsOf(module.diagnostic().duration),
    }));
    const failures = [
      ...modules.flatMap(failuresOf),
      ...unhandled.map((error) => ({ test: 'outside a test', error: error.message })),
    ];
    writeFileSync(path, JSON.stringify({ ...result, files, failures }));
  }
}

/** The failed tests of a file, and the tests that passed only on a retry, each with its first error. */
function failuresOf(module: TestModule): { test: string; error: string }[] {
  const file = relative(process.cwd(), module.moduleId);
  const tests = [...module.children.allTests()]
    .filter((test) => test.result().state === 'failed' || passedOnRetry(test))
    .map((test) => ({
      test: `${file} > ${test.fullName}${passedOnRetry(test) ? ' (passed on a retry)' : ''}`,
      error: test.result().errors?.[0]?.message ?? '',
    }));
  const outside = module.errors().map(({ message }) => ({ test: file, error: message }));
  return [...tests, ...outside];
}

function hasFailedTest(module: TestModule): boolean {
  return [...module.children.allTests('failed')].length > 0;
}

function passedOnRetry(test: TestCase): boolean {
  return test.ok() && (test.diagnostic()?.retryCount ?? 0) > 0;
}

function secondsOf(milliseconds: number): number {
  return Math.round(milliseconds / 100) / 10;
}
