import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

/**
 * One suite per folder; CONTRIBUTING.md says which test belongs where.
 * `npm test` runs `unit`, `unit-mocking` and `e2e`; `.ci/run` runs them all.
 */
const folders = ['e2e', 'long', 'versions', 'system', 'browser'];

/** Files that replace a module (`vi.mock`) of modules that other files of their process have loaded. */
const mocking = ['test/stream/pictures-faults.test.ts'];

function suite(name: string, options: TestProjectInlineConfiguration['test'] = {}): TestProjectInlineConfiguration {
  return {
    test: {
      name,
      include: [`test/${name}/**/*.test.ts`],
      setupFiles: ['test/support/end-with-vitest.ts'],
      // Says that a test hangs, never that a machine is slow.
      testTimeout: 180_000,
      hookTimeout: 180_000,
      retry: 0,
      ...options,
    },
  };
}

export default defineConfig({
  test: {
    // Tests with real streams mostly wait, so there are more workers than cores.
    maxWorkers: 6,
    reporters: ['default', './test/support/result-reporter.ts'],
    projects: [
      suite('unit', {
        include: ['test/**/*.test.ts'],
        exclude: [...folders.map((folder) => `test/${folder}/**`), ...mocking],
        // Files share a process: importing the modules again for each file took as long as the tests.
        isolate: false,
      }),
      suite('unit-mocking', { include: mocking }),
      suite('e2e', { isolate: false }),
      suite('long'),
      suite('versions'),
      suite('system'),
      // Browsers and third-party servers are the only parts that may fail without a fault of this project.
      suite('browser', { retry: 2 }),
    ],
  },
});
