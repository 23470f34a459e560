export * from './batch.ts';
export * from './errors.ts';
export * from './event.ts';
export * from './limits.ts';
export * from './records.ts';
export * from './signature.ts';
export type * from './values.ts';
