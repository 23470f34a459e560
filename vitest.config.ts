import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Tests run on the sources: no build has to be fresh.
  ssr: { resolve: { conditions: ['source', 'module', 'node', 'development|production'] } },
  resolve: { conditions: ['source', 'module', 'node', 'development|production'] },
  test: {
    include: ['**/test/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    globalSetup: ['scripts/kafka/vitest-setup.ts'], // lends a broker to the suites that ask for one
    pool: 'forks', // the engine crashes in worker threads
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 60_000, // a broker that is asked to stop writes its logs first
  },
});
