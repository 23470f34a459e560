import {
  appendKeyRecords,
  createProducerKey,
  type DataDirectory,
  loadProducerKey,
  producerNames,
  RegistryStream,
  registrationRecord,
  type SigningKey,
} from '@sealtrail/data-directory';
import type { EventLog } from '@sealtrail/event-log';
import type { Sha256 } from '@sealtrail/merkle';
import { judgeKey } from '@sealtrail/seal';
import { CANARY_PRODUCER } from '@sealtrail/wire';
import type { CanaryTarget } from './canary.ts';

export interface CanaryKeyOptions {
  readonly directory: DataDirectory;
  readonly log: EventLog;
  readonly targets: readonly CanaryTarget[];
  readonly sha256: Sha256;
  readonly random: (bytes: number) => Uint8Array;
  readonly clock_ms: () => number;
}

/**
 * The key that signs canaries: made where it is missing, and registered for their tenants where the registry does not allow
 * them yet. Null where it was revoked: the deployment then has no canaries until it is given another key.
 * Throws DataDirectoryError, EventLogError.
 */
export async function openCanaryKey({ directory, log, targets, sha256, random, clock_ms }: CanaryKeyOptions): Promise<SigningKey | null> {
  const names = await producerNames(directory);
  const key = names.includes(CANARY_PRODUCER)
    ? await loadProducerKey(directory, CANARY_PRODUCER)
    : await createProducerKey(directory, CANARY_PRODUCER, random);
  const { key_id, public_key } = key;
  const { registry_topic } = directory.deployment;
  const [producer, reader] = await Promise.all([log.producer(), log.reader()]);
  try {
    const registry = await new RegistryStream({ reader, sha256, topic: registry_topic }).readToEnd();
    const tenants: string[] = [];
    for (const { tenant } of targets) {
      const verdict = judgeKey(registry, { key_id, producer: CANARY_PRODUCER, tenant }, clock_ms());
      if (verdict.kind === 'valid') continue;
      if (verdict.reason === 'key_not_valid') return null;
      tenants.push(tenant);
    }
    if (tenants.length > 0) {
      const record = registrationRecord({ key_id, public_key, producer: CANARY_PRODUCER, tenants, valid_from: 0 });
      await appendKeyRecords(producer, registry_topic, [record]);
    }
    return key;
  } finally {
    await Promise.all([producer.close(), reader.close()]);
  }
}
