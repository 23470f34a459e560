export * from './alerts/port.ts';
export * from './port.ts';
export { sequenceIntervals } from './sequences.ts';
export { comparePartitions, largestCommits, partitionText, type VisibleInterval, visibility, visibleIntervals } from './visible.ts';
