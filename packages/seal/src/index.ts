export * from './examine.ts';
export * from './registry.ts';
export * from './seal.ts';
export * from './sequences.ts';
export * from './state.ts';
