import { configDefaults, defineConfig } from 'vitest/config';

/** Several processes and a clock in each: under another load they would measure that. */
const ALONE = [
  'test/acceptance/{clickhouse-gone,hostile-detection,kafka-*,killed-ledger,managed-kafka,real-use}.test.ts',
  'test/kafka/**/*.test.ts',
];
const all = { include: ['**/test/**/*.test.ts'], globalSetup: ['scripts/kafka/vitest-setup.ts'] }; // lends a broker to the suites that ask for one

export default defineConfig({
  // Tests run on the sources: no build has to be fresh.
  ssr: { resolve: { conditions: ['source', 'module', 'node', 'development|production'] } },
  resolve: { conditions: ['source', 'module', 'node', 'development|production'] },
  test: {
    pool: 'forks', // the engine crashes in worker threads
    testTimeout: 180_000, // properties over an engine take seconds alone, a minute beside others on two cores
    hookTimeout: 120_000,
    teardownTimeout: 60_000, // a broker that is asked to stop writes its logs first
    projects: [
      {
        extends: true,
        test: {
          ...all,
          name: 'together',
          exclude: [...configDefaults.exclude, '**/dist/**', ...ALONE],
          maxWorkers: 2, // many of them wait for a broker or an engine
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: { ...all, name: 'alone', include: ALONE, maxWorkers: 1, sequence: { groupOrder: 1 } },
      },
    ],
  },
});
