/**
 * Ends this worker when vitest is gone: one that was killed leaves its workers behind, and they would go on with their tests,
 * nodes and servers beside whatever is run next.
 */
process.once('disconnect', () => process.exit(1));
