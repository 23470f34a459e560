import { configDefaults, defineConfig } from 'vitest/config';

/** Tests of whole deployments: several processes each, which load a machine by themselves. */
const DEPLOYMENTS = ['test/{acceptance,docs,end-to-end,kafka}/**/*.test.ts'];

export default defineConfig({
  // Tests run on the sources: no build has to be fresh.
  ssr: { resolve: { conditions: ['source', 'module', 'node', 'development|production'] } },
  resolve: { conditions: ['source', 'module', 'node', 'development|production'] },
  test: {
    pool: 'forks', // the engine crashes in worker threads
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 60_000, // a broker that is asked to stop writes its logs first
    projects: [
      {
        extends: true,
        test: {
          name: 'parts',
          include: ['**/test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, '**/dist/**', ...DEPLOYMENTS],
          globalSetup: ['scripts/kafka/vitest-setup.ts'], // lends a broker to the suites that ask for one
          maxWorkers: 2, // many of them wait for a broker or an engine
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'deployments',
          include: DEPLOYMENTS,
          globalSetup: ['scripts/kafka/vitest-setup.ts'],
          maxWorkers: 1, // one after the other
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
