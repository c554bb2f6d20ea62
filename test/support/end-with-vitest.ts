/**
 * Ends this worker when vitest is gone: one that was killed leaves its workers behind, and they would go on with their tests,
 * nodes and servers beside whatever is run next.
 */
function endWithVitest(): void {
  process.exit(1);
}

// This file runs before each test file, and several of those share a process.
if (!process.listeners('disconnect').some(({ name }) => name === endWithVitest.name))
  process.once('disconnect', endWithVitest);
