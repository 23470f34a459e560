import { allowTenants, type DataDirectory, producerKey } from '@sealtrail/data-directory';
import { type BatchSigner, createBatchSigner } from '@sealtrail/emitter';
import type { EventLogProducer, EventLogReader } from '@sealtrail/event-log';
import { type ImportOutcome, importCloudTrail, readFileBytes, readSourceRecords } from '@sealtrail/importers';
import { sha256 } from '@sealtrail/merkle/node';
import { isWireName } from '@sealtrail/wire';
import type { CommandContext } from '../cli/context.ts';
import { UsageError } from '../cli/exit.ts';
import { holdSource } from './hold-source.ts';
import { ensureTopics } from './topics.ts';

/** Name of the producer that signs what is imported. */
export const IMPORT_PRODUCER = 'importer';

export interface CloudTrailFileImport {
  readonly directory: DataDirectory;
  readonly file: string;
  readonly tenant: string;
  readonly context: Pick<CommandContext, 'adapters' | 'clock_ms' | 'random' | 'interrupted'>;
  readonly onProgress: (label: string, done: number, total: number | null) => void;
}

/**
 * Imports a CloudTrail file into the event log of a data directory, signed by its producer `importer`, whose key is made
 * and registered for the tenant when it is missing. What was imported before is skipped.
 * Throws UsageError, ImportError, DataDirectoryError and EventLogError.
 */
export async function importCloudTrailFile(options: CloudTrailFileImport): Promise<ImportOutcome> {
  const { directory, file, tenant, context } = options;
  if (!isWireName(tenant)) throw new UsageError('--tenant is not a name; use 1 to 128 of A–Z a–z 0–9 . _ : / @ -');
  await assertReadable(file);
  const log = await context.adapters.openLog(directory);
  try {
    await ensureTopics(log, directory.deployment);
    const producer = await log.producer();
    const reader = await log.reader();
    try {
      const key = await producerKey(directory, IMPORT_PRODUCER, context.random);
      const { registry_topic } = directory.deployment;
      const now_ms = context.clock_ms();
      if ((await allowTenants({ registry_topic, producer, reader, key, tenants: [tenant], sha256: sha256(), now_ms })) === 'not_valid') {
        throw new UsageError(
          `the key of producer ${IMPORT_PRODUCER} in ${directory.keys_dir} is not valid any more; give it another with \`sealtrail keys add ${IMPORT_PRODUCER} --tenants ${tenant}\` and import again`,
        );
      }
      const signer = createBatchSigner({
        sha256: sha256(),
        sign: key.sign,
        publicKey: key.public_key,
        audience: directory.deployment.audience,
        producer: IMPORT_PRODUCER,
        instance: context.random(16),
        started_at: context.clock_ms(),
        random: context.random,
      });
      const outcome = await importCloudTrail({
        records: () => readSourceRecords(readFileBytes(file)),
        shown_as: file,
        tenant,
        topic: directory.deployment.topic,
        producer,
        signer,
        sha256: sha256(),
        onProgress: (read) => options.onProgress('reading', read, null),
        stop: context.interrupted,
        hold: (source) => holdSource(log, directory.deployment.registry_topic, source),
      });
      const { topic } = directory.deployment;
      const closed = outcome.accepted > 0 ? await closeSequence(producer, signer, topic, tenant) : null;
      const last = closed ?? outcome.last;
      // Also where all was imported before: a run that was cut short may have left it unsealed.
      return { ...outcome, last: last ?? (await lastOf(directory, reader)) };
    } finally {
      await reader.close();
      await producer.close();
    }
  } finally {
    await log.close();
  }
}

/** Before anything is made or opened: a file that cannot be read leaves no trace. */
async function assertReadable(file: string): Promise<void> {
  for await (const _ of readFileBytes(file)) break;
}

/**
 * Says that nothing more comes from this run: a producer that does not is taken for one that went silent. Where the log did
 * not take it, that is what detection then tells; the events are durable all the same.
 */
async function closeSequence(
  producer: EventLogProducer,
  signer: BatchSigner,
  topic: string,
  tenant: string,
): Promise<ImportOutcome['last']> {
  const { key, value } = signer.sign({ tenant, delivery: 'ROUTINE', kind: 'CLOSE', events: [] });
  const outcome = await producer.append([{ topic, key, value }]);
  return outcome.kind === 'appended' ? (outcome.placed[0] ?? null) : null;
}

/** Where the log ends now: what was appended lies before. */
async function lastOf(directory: DataDirectory, reader: EventLogReader): Promise<ImportOutcome['last']> {
  if (directory.deployment.partitions !== 1) return null;
  const { end } = await reader.bounds(directory.deployment.topic, 0);
  return end > 0 ? { partition: 0, offset: end - 1 } : null;
}
