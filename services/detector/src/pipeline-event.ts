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
