import { appendKeyRecords, type DataDirectory, producerKey, registrationRecord, type SigningKey } from '@sealtrail/data-directory';
import type { EventLog } from '@sealtrail/event-log';
import { keyRecordCodec } from '@sealtrail/wire';

export interface ProducerKeyOptions {
  readonly directory: DataDirectory;
  readonly log: EventLog;
  readonly name: string;
  /** Tenants that it may write for; `*` stands for all. */
  readonly tenants: readonly string[];
  readonly random: (bytes: number) => Uint8Array;
}

/**
 * The producer's key: made and registered at the first start, loaded afterwards. In production an operator does this with
 * `sealtrail keys add`, and the service only loads its key.
 */
export async function openProducerKey(options: ProducerKeyOptions): Promise<SigningKey> {
  const { directory, log, name, tenants, random } = options;
  const key = await producerKey(directory, name, random);
  // A crash between the key's file and its registration is made good here.
  const { registry_topic } = directory.deployment;
  if (!(await isRegistered(log, registry_topic, key.key_id))) {
    const producer = await log.producer();
    const { key_id, public_key } = key;
    const record = registrationRecord({ key_id, public_key, producer: name, tenants, valid_from: 0 });
    await appendKeyRecords(producer, registry_topic, [record]);
    await producer.close();
  }
  return key;
}

async function isRegistered(log: EventLog, topic: string, keyId: Uint8Array): Promise<boolean> {
  const reader = await log.reader();
  try {
    for (let from = 0; ; ) {
      const read = await reader.read(topic, 0, from, { records_max: 1_000, bytes_max: 1_048_576, wait_ms: 0 });
      if (read.kind !== 'records') throw new Error(`${topic} cannot be read from ${from} (${read.kind}): check the data directory`);
      if (read.records.length === 0) return false;
      for (const { value } of read.records) {
        if (value !== null && Buffer.compare(keyRecordCodec().decode(value).key_id, keyId) === 0) return true;
      }
      from += read.records.length;
    }
  } finally {
    await reader.close();
  }
}
