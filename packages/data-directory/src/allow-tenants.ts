import type { EventLogProducer, EventLogReader } from '@sealtrail/event-log';
import type { Sha256 } from '@sealtrail/merkle';
import { judgeKey } from '@sealtrail/seal';
import type { SigningKey } from './keys.ts';
import { appendKeyRecords, registrationRecord } from './registration.ts';
import { RegistryStream } from './registry-stream.ts';

export interface AllowTenantsOptions {
  readonly registry_topic: string;
  readonly producer: EventLogProducer;
  readonly reader: EventLogReader;
  /** Of the producer that it is named after. */
  readonly key: SigningKey;
  readonly tenants: readonly string[];
  readonly sha256: Sha256;
  readonly now_ms: number;
}

/**
 * Registers the key for those of the tenants that the registry does not let it write for yet. `not_valid` where the key was
 * revoked or belongs to another producer: nothing is registered then. Throws EventLogError.
 */
export async function allowTenants(options: AllowTenantsOptions): Promise<'allowed' | 'not_valid'> {
  const { registry_topic, producer, reader, key, sha256, now_ms } = options;
  const { key_id, public_key, name } = key;
  const registry = await new RegistryStream({ reader, sha256, topic: registry_topic }).readToEnd();
  const tenants: string[] = [];
  for (const tenant of options.tenants) {
    const verdict = judgeKey(registry, { key_id, producer: name, tenant }, now_ms);
    if (verdict.kind === 'valid') continue;
    if (verdict.reason === 'key_not_valid') return 'not_valid';
    tenants.push(tenant);
  }
  if (tenants.length > 0) {
    await appendKeyRecords(producer, registry_topic, [registrationRecord({ key_id, public_key, producer: name, tenants, valid_from: 0 })]);
  }
  return 'allowed';
}
