import { defineConfig } from 'vitest/config';

const isSystem = process.env['SUITE'] === 'system';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Suites that need Debian packages (a browser, Ceph, strace) are run by .ci/run with SUITE=system.
    exclude: isSystem ? [] : ['test/system/**'],
    setupFiles: ['test/support/end-with-vitest.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Tests with real streams run in real time on machines that others share. What fails three times there is no hiccup.
    retry: process.env['CI'] ? 2 : 0,
    // The long tests wait for real streams in real time and leave the processor idle: more of them at once than there are cores.
    maxWorkers: isSystem ? 3 : 6,
  },
});
