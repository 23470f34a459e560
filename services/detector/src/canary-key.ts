import { allowTenants, type DataDirectory, producerKey, type SigningKey } from '@sealtrail/data-directory';
import type { EventLog } from '@sealtrail/event-log';
import type { Sha256 } from '@sealtrail/merkle';
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
  const key = await producerKey(directory, CANARY_PRODUCER, random);
  const { registry_topic } = directory.deployment;
  const [producer, reader] = await Promise.all([log.producer(), log.reader()]);
  try {
    const tenants = targets.map(({ tenant }) => tenant);
    const allowed = await allowTenants({ registry_topic, producer, reader, key, tenants, sha256, now_ms: clock_ms() });
    return allowed === 'allowed' ? key : null;
  } finally {
    await Promise.all([producer.close(), reader.close()]);
  }
}
