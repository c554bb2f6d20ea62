import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Suites that need Debian packages (a browser, Ceph, strace) are run by .ci/run with SUITE=system.
    exclude: process.env['SUITE'] === 'system' ? [] : ['test/system/**'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
