/** Made-up events, batches and rounds for tests and benchmarks: real in every byte, and the same for the same seed. */
export * from './sample-events.ts';
export * from './sample-ledger.ts';
export * from './sample-rows.ts';
