import type { EventLogProducer } from '@sealtrail/event-log';
import { FORMAT_VERSION, type KeyRecord, keyRecordCodec, SUITE_ED25519_SHA256 } from '@sealtrail/wire';

export interface Registration {
  readonly key_id: Uint8Array;
  readonly public_key: Uint8Array;
  readonly producer: string;
  /** Tenants that the key may write for; `*` stands for all. */
  readonly tenants: readonly string[];
  /** First recorded_at, in ms, at which the key is valid. */
  readonly valid_from: number;
}

/** The record that lets a producer's key sign. docs/spec/registry.md */
export function registrationRecord(registration: Registration): Uint8Array {
  return keyRecordCodec().encode(record('REGISTER', registration, null));
}

/** The record that ends a key from `valid_from` on. */
export function revocationRecord(revocation: Registration & { readonly suspect_since: number | null }): Uint8Array {
  return keyRecordCodec().encode(record('REVOKE', revocation, revocation.suspect_since));
}

function record(kind: 'REGISTER' | 'REVOKE', registration: Registration, suspectSince: number | null): KeyRecord {
  return {
    version: FORMAT_VERSION,
    kind,
    key_id: registration.key_id,
    suite: SUITE_ED25519_SHA256,
    public_key: registration.public_key,
    producer: registration.producer,
    tenants: [...registration.tenants],
    valid_from: registration.valid_from,
    valid_until: null,
    suspect_since: suspectSince,
  };
}

/** Appends key records to the registry stream, in order; throws what the log gives as its cause. */
export async function appendKeyRecords(producer: EventLogProducer, topic: string, records: readonly Uint8Array[]): Promise<void> {
  const outcome = await producer.append(records.map((value) => ({ topic, partition: 0, key: null, value })));
  if (outcome.kind !== 'appended') throw outcome.cause;
}
