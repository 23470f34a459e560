export * from './errors.ts';
export type { CommittedPlace, FsckInput, OnProgress } from './fsck/context.ts';
export type { FsckCode, FsckFinding, FsckReport } from './fsck/findings.ts';
export { fsck } from './fsck/fsck.ts';
export { type ProveOptions, proveEntry } from './prove-entry.ts';
