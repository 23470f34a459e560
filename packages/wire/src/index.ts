export * from './alert.ts';
export type { Op, Plan, Section } from './avro/plan.ts';
export * from './batch.ts';
export * from './errors.ts';
export {
  currentEventSchema,
  type EncodedTokenFields,
  type EventField,
  type EventSchema,
  type EventShape,
  eventSchemaFields,
  knownEventSchemas,
  loadEventSchema,
  type TokenFields,
  type WalkFault,
} from './event.ts';
export { createEventReader, type EventReader } from './event-reader.ts';
export * from './leaf.ts';
export * from './limits.ts';
export {
  duplicateCodec,
  entryProofCodec,
  headCodec,
  keyRecordCodec,
  logId,
  manifestCodec,
  type RecordCodec,
  rejectionCodec,
  roundCodec,
} from './records.ts';
export * from './reserved.ts';
export * from './signature.ts';
export type * from './values.ts';
