export * from './errors.ts';
export { type ProveOptions, proveEntry } from './prove-entry.ts';
