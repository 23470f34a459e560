import { createBatchSigner } from '@sealtrail/emitter';
import type { EventLog, EventLogProducer, LogRecord } from '@sealtrail/event-log';
import { createMemoryEventLog, type MemoryEventLog } from '@sealtrail/event-log/memory';
import { ed25519PublicKey, ed25519Signer, ed25519Verify, sha256 } from '@sealtrail/merkle/node';
import { type AuditEvent, type BatchHeader, parseHeader, verifyBatchSignature, walkBatch } from '@sealtrail/wire';
import { type CloudTrailImport, type ImportOutcome, importCloudTrail, readSourceRecords } from '../src/index.ts';
import { chunksOf, type TestRecord } from './records.ts';

export const TOPIC = 'audit.events';
export const TENANT = 'acme';
const SEED = new Uint8Array(32).fill(7);

let drawn = 0;
/** Different bytes at every call, the same in every run of the tests. */
const random = (bytes: number): Uint8Array => {
  drawn++;
  return Uint8Array.from({ length: bytes }, (_, i) => (drawn * 31 + i * 7 + (drawn >> 8) * 13) & 0xff);
};

export function memoryLog(): MemoryEventLog {
  const log = createMemoryEventLog({ clock_ms: () => 1_700_000_000_000 });
  log.control.createTopics([{ topic: TOPIC, partitions: 1, cleanup_policy: 'delete' }]);
  return log;
}

/** Imports a text as one process does: with a producer and an instance of its own. */
export async function runImport(
  log: EventLog | EventLogProducer,
  source: string | Uint8Array | CloudTrailImport['records'],
  options: Partial<CloudTrailImport> = {},
): Promise<ImportOutcome> {
  const producer = 'append' in log ? log : await log.producer();
  return importCloudTrail({
    records: typeof source === 'function' ? source : () => readSourceRecords(chunksOf(source)),
    shown_as: 'trail.jsonl',
    tenant: TENANT,
    topic: TOPIC,
    producer,
    signer: createBatchSigner({
      sha256: sha256(),
      sign: ed25519Signer(SEED),
      publicKey: ed25519PublicKey(SEED),
      audience: 'test',
      producer: 'importer',
      instance: random(16),
      started_at: 1_700_000_000_000,
      random,
    }),
    sha256: sha256(),
    ...options,
  });
}

export interface ImportedBatch {
  readonly header: BatchHeader;
  readonly events: readonly AuditEvent[];
}

/** The batches of a log as the ledger takes them: every byte checked, a record that was sent twice counted once. */
export function importedBatches(records: readonly LogRecord[]): readonly ImportedBatch[] {
  const seen = new Set<string>();
  const batches: ImportedBatch[] = [];
  for (const { value } of records) {
    const bytes = value ?? new Uint8Array(0);
    const digest = Buffer.from(sha256().digest(bytes)).toString('hex');
    if (seen.has(digest)) continue;
    seen.add(digest);
    const parsed = parseHeader(bytes, sha256());
    if (parsed.kind === 'refused') throw new Error(parsed.detail);
    const { header } = parsed;
    if (!verifyBatchSignature(ed25519Verify(), ed25519PublicKey(SEED), header.key_id, parsed.header_bytes, parsed.signature)) {
      throw new Error('a batch is not signed by its producer');
    }
    const batch = walkBatch(parsed, sha256());
    if (batch.kind === 'refused') throw new Error(batch.detail);
    const events: AuditEvent[] = [];
    for (let i = 0, at = batch.first_event; i < header.count; i++) {
      const end = batch.ends[3 * i + 2] as number;
      events.push(parsed.schema.decode(bytes, at, end));
      at = end;
    }
    batches.push({ header, events });
  }
  return batches;
}

export const importedEvents = (log: MemoryEventLog): readonly AuditEvent[] =>
  importedBatches(log.control.records(TOPIC, 0)).flatMap(({ events }) => events);

export const uuidText = (bytes: Uint8Array): string =>
  Buffer.from(bytes)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

export const importedIds = (log: MemoryEventLog): readonly string[] => importedEvents(log).map((event) => uuidText(event.event_id));

export const idsOf = (records: readonly TestRecord[]): readonly unknown[] => records.map((one) => one['eventID']);
