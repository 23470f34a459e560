import type { DetectionEvent, FieldValue, LogSource } from '@sealtrail/detection';
import type { Sha256 } from '@sealtrail/merkle';
import type { RejectReason } from '@sealtrail/wire';
import type { ProducerFinding } from './producer-watch.ts';

/** What the pipeline says of itself; rules/README.md lists the findings and their fields. */
const PIPELINE: LogSource = { category: 'pipeline', product: 'sealtrail', service: null };

/** The tenant of findings that no verified record stands behind: what such a record claims is nobody's word. */
export const OPERATOR_TENANT = 'sealtrail.operator';

export interface RecordPlace {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/** A record that the ledger rejects, by the same judgement. */
export const rejectedRecord = (sha256: Sha256, place: RecordPlace, reason: RejectReason, time_us: number): DetectionEvent =>
  pipelineEvent(sha256, OPERATOR_TENANT, `${place.topic}/${place.partition}/${place.offset}`, time_us, {
    finding: 'record_rejected',
    reason,
    ...place,
  });

/** What a producer's headers told. A conflict is a rejection to the ledger, so it is one here. */
export function producerEvent(sha256: Sha256, found: ProducerFinding, place: Omit<RecordPlace, 'offset'>, time_us: number): DetectionEvent {
  const { finding, tenant, producer, delivery, id, count } = found;
  const named: Readonly<Record<string, FieldValue>> =
    finding === 'sequence_conflict' ? { finding: 'record_rejected', reason: finding } : { finding };
  return pipelineEvent(sha256, tenant, id, time_us, { ...named, producer, delivery, count, ...place });
}

/** What a check of the store found: fsck's code and place (docs/spec/fsck.md). */
export interface StoreFinding {
  readonly code: string;
  /** `topic/incarnation/partition`. */
  readonly partition?: string;
  readonly tenant?: string;
  readonly log?: string;
  readonly entry?: number;
  readonly position?: number;
  readonly round?: number;
  readonly offset?: number;
  readonly detail: string;
}

/**
 * A finding of the store, for whoever it concerns: its tenant, else the operator. The detail tells one alteration of a row from
 * another, so the same state found again is the same event.
 */
export function storeEvent(sha256: Sha256, found: StoreFinding, time_us: number): DetectionEvent {
  const { code, partition, tenant, log, entry, position, round, offset, detail } = found;
  const name = JSON.stringify(['store', code, partition, log, entry, position, round, offset, detail]);
  const [, topic, number] = /^(.*)\/\d+\/(\d+)$/.exec(partition ?? '') ?? [];
  return pipelineEvent(sha256, tenant ?? OPERATOR_TENANT, name, time_us, {
    finding: 'store_tampered',
    reason: code,
    ...(topic === undefined ? {} : { topic, partition: Number(number) }),
    ...(offset === undefined ? {} : { offset }),
  });
}

const ID_BYTES = 16;

/** `name` tells the finding from every other of its tenant; its hash is the event's id, and the same in a replay. */
function pipelineEvent(
  sha256: Sha256,
  tenant: string,
  name: string,
  time_us: number,
  fields: Readonly<Record<string, FieldValue>>,
): DetectionEvent {
  const digest = sha256.digest(new TextEncoder().encode(`pipeline\0${name}`));
  return {
    id: Buffer.from(digest.subarray(0, ID_BYTES)).toString('hex'),
    tenant,
    time_us,
    logsource: PIPELINE,
    field: (name) => (name === 'tenant' ? tenant : Object.hasOwn(fields, name) ? fields[name] : undefined),
    values: () => [tenant, ...Object.values(fields)],
  };
}
