export * from './hash.ts';
export * from './note.ts';
export * from './tree.ts';
