export * from './config.ts';
export * from './health.ts';
export * from './logger.ts';
export * from './metrics.ts';
export { startTimer } from './node.ts';
export * from './operations-server.ts';
export { redactSecrets } from './redact.ts';
export * from './shutdown.ts';
export { type Align, formatTable, type TableInput } from './table.ts';
