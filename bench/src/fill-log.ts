/** Fills an event log with prebuilt batches, in a process of its own: FOLDER BATCHES TENANTS. Prints the records' bytes. */
import { randomBytes } from 'node:crypto';
import { openLmdbEventLog } from '@sealtrail/event-log-lmdb';
import { prebuiltBatches, prepareLog, TOPIC } from './batches.ts';

const RECORDS_AN_APPEND = 64;

const [folder = '', batches = '0', tenants = '1'] = process.argv.slice(2);
const log = await openLmdbEventLog({ dir: folder, clock_ms: Date.now, random: randomBytes });
await prepareLog(log);
const producer = await log.producer();
let bytes = 0;
let records: { topic: string; key: Uint8Array; value: Uint8Array }[] = [];
const append = async (): Promise<void> => {
  const outcome = await producer.append(records);
  if (outcome.kind !== 'appended') throw outcome.cause;
  records = [];
};
for (const { key, value } of prebuiltBatches(Number(batches), Number(tenants))) {
  bytes += value.length;
  records.push({ topic: TOPIC, key, value });
  if (records.length === RECORDS_AN_APPEND) await append();
}
if (records.length > 0) await append();
await producer.close();
await log.close();
process.stdout.write(`${bytes}\n`);
