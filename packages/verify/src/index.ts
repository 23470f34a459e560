export * from './checkpoint.ts';
export * from './event-view.ts';
export * from './proof-file.ts';
export * from './sections.ts';
export * from './verdict.ts';
export * from './verify-proof.ts';
