export type { AttributeValue, Audit, AuditDetails, EmitterProblem, RequestScope } from './audit.ts';
export * from './batch-signer.ts';
export { type AuditContext, outcomeOfStatus } from './context.ts';
export { type CloseOutcome, createEmitter, type Emitter } from './emitter.ts';
export * from './errors.ts';
export type { EmitterOptions, InstanceState, Timers } from './options.ts';
export type { RedactionOptions, RedactionReport, RedactionRule } from './redaction/options.ts';
export type { DeliveryStats, EmitterStats } from './stats.ts';
