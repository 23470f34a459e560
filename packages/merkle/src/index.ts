export * from './base64.ts';
export * from './bytes.ts';
export * from './hash.ts';
export * from './note.ts';
export * from './tree.ts';
