/**
 * CPU an event of the ledger's own process (reading, judging, sealing, assembling what the engine reads), with the engine in
 * a process of its own; its memory over many events; and with many tenants. Arguments: TENANTS EVENTS.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLmdbEventLog } from '@sealtrail/event-log-lmdb';
import { openChdbStore } from '@sealtrail/store-chdb';
import { EVENTS_A_BATCH, prebuiltBatches, prepareLog, TOPIC } from './batches.ts';
import { startEngineProcess } from './engine-process.ts';
import { folderBytes } from './folders.ts';
import { cpuClock, give, isSmoke, keptBytes, round } from './measure.ts';
import { runLedger } from './run-ledger.ts';

const [tenants = 1, wantedEvents = 500_000] = process.argv
  .slice(2)
  .filter((arg) => /^\d+$/.test(arg))
  .map(Number);
const events = isSmoke() ? 4_096 : wantedEvents;
const batches = Math.ceil(events / EVENTS_A_BATCH);
const SAMPLES = isSmoke() ? 2 : 10;

const folder = await mkdtemp(join(tmpdir(), 'sealtrail-bench-'));
const log = await openLmdbEventLog({ dir: join(folder, 'log'), clock_ms: Date.now, random: randomBytes });
const engine = await startEngineProcess(join(folder, 'store', 'engine'));
const store = await openChdbStore({ dir: join(folder, 'store'), engine });
await prepareLog(log);
const producer = await log.producer();
const ledger = runLedger(log, store);

const source = prebuiltBatches(batches, tenants);
let appended = 0;
let record_bytes = 0;

const samples: { readonly events: number; readonly kept_mb: number; readonly rss_mb: number }[] = [];
let ledger_us = 0;
let engine_us = 0;
let wall_ms = 0;
// The first share warms up, and is not counted.
const share = Math.ceil(batches / SAMPLES);
let counted = 0;
for (let i = 0; i < SAMPLES; i++) {
  // Building is not the ledger's work: it is done while the ledger waits, and not counted. Appending is, with the log's own.
  const from = appended;
  const built: { key: Uint8Array; value: Uint8Array }[] = [];
  for (let n = 0; n < share; n++) {
    const next = source.next();
    if (next.done) break;
    built.push(next.value);
  }
  const cpu = cpuClock();
  const engineFrom = (await engine.usage()).cpu_us;
  const from_ms = performance.now();
  for (let at = 0; at < built.length; at += 64) {
    const records = built.slice(at, at + 64).map((record) => ({ topic: TOPIC, ...record }));
    for (const { value } of records) record_bytes += value.length;
    const outcome = await producer.append(records);
    if (outcome.kind !== 'appended') throw outcome.cause;
    appended += records.length;
  }
  built.length = 0;
  await ledger.sealedTo(appended);
  if (i > 0) {
    wall_ms += performance.now() - from_ms;
    ledger_us += cpu.elapsed_us();
    engine_us += (await engine.usage()).cpu_us - engineFrom;
    counted += (appended - from) * EVENTS_A_BATCH;
  }
  samples.push({
    events: appended * EVENTS_A_BATCH,
    kept_mb: round((await keptBytes()) / 1e6),
    rss_mb: round(process.memoryUsage.rss() / 1e6),
  });
  process.stderr.write(`${appended * EVENTS_A_BATCH} of ${events} events sealed\n`);
}
const { rss_bytes } = await engine.usage();
await ledger.stop();
await engine.run('OPTIMIZE TABLE sealtrail.entries FINAL');
const onDisk = await engine.run("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'sealtrail'", 'TSVRaw');
await producer.close();
await store.close();
await log.close();
const sealed = appended * EVENTS_A_BATCH;
give({
  tenants,
  events: sealed,
  rounds: ledger.rounds,
  ledger_us_per_event: round(ledger_us / counted),
  engine_us_per_event: round(engine_us / counted),
  events_per_s: Math.round((counted / wall_ms) * 1_000),
  ledger_memory: samples,
  engine_rss_mb: round(rss_bytes / 1e6),
  record_bytes_per_event: round(record_bytes / sealed, 1),
  log_bytes_per_event: round((await folderBytes(join(folder, 'log'))) / sealed, 1),
  store_bytes_per_event: round(Number(new TextDecoder().decode(onDisk)) / sealed, 1),
});
await rm(folder, { recursive: true, force: true });
