export type { Placed } from './append-once.ts';
export { type CloudTrailMapper, type CloudTrailMapping, createCloudTrailMapper } from './cloudtrail/mapping.ts';
export * from './errors.ts';
export { type CloudTrailImport, type ImportOutcome, importCloudTrail, type SourceHold } from './import-cloudtrail.ts';
export { readFileBytes } from './open-file.ts';
export { RECORD_BYTES_MAX, readSourceRecords, type SourceRecord } from './source-records.ts';
