export * from './registry.ts';
export * from './seal.ts';
