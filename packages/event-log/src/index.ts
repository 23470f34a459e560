export * from './limits.ts';
export { murmur2, partitionOf } from './partition.ts';
export * from './port.ts';
