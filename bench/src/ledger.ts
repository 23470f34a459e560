/**
 * CPU an event of the ledger's own process (reading the log, judging, sealing, assembling what the engine reads), with the
 * engine in a process of its own; its memory over many events; and with many tenants. Arguments: TENANTS EVENTS.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openLmdbEventLog } from '@sealtrail/event-log-lmdb';
import { openChdbStore } from '@sealtrail/store-chdb';
import { EVENTS_A_BATCH } from './batches.ts';
import { startEngineProcess } from './engine-process.ts';
import { folderBytes } from './folders.ts';
import { anonymousBytes, cpuClock, give, isSmoke, keptBytes, round } from './measure.ts';
import { runLedger } from './run-ledger.ts';

const [tenants = 1, wantedEvents = 500_000] = process.argv
  .slice(2)
  .filter((arg) => /^\d+$/.test(arg))
  .map(Number);
const SAMPLES = isSmoke() ? 3 : 20;
/** Samples that warm up: not counted. */
const WARM = isSmoke() ? 1 : 3;
const batches = Math.ceil((isSmoke() ? 4_096 : wantedEvents) / EVENTS_A_BATCH);

const folder = await mkdtemp(join(tmpdir(), 'sealtrail-bench-'));
const fill = [fileURLToPath(new URL('fill-log.ts', import.meta.url)), join(folder, 'log'), String(batches), String(tenants)];
process.stderr.write(`building ${batches} batches of ${EVENTS_A_BATCH} events\n`);
const record_bytes = Number(execFileSync(process.execPath, ['--conditions=source', '--import', 'tsx', ...fill], { encoding: 'utf8' }));

const log = await openLmdbEventLog({ dir: join(folder, 'log'), clock_ms: Date.now, random: randomBytes });
const engine = await startEngineProcess(join(folder, 'store', 'engine'));
const store = await openChdbStore({ dir: join(folder, 'store'), engine });

interface Sample {
  readonly events: number;
  /** Heap and buffers; one round that was judged ahead is among them. */
  readonly kept_mb: number;
  readonly anonymous_mb: number;
}
const samples: Sample[] = [];
let cpu = cpuClock();
let from_ms = 0;
let countedFrom = 0;
/** Spent on collecting garbage for a sample: not the ledger's. */
let sampling_us = 0;
let warm = (): void => undefined;
const warmed = new Promise<void>((resolve) => (warm = resolve));
const ledger = runLedger(log, store, {
  onSealed(to) {
    if (to < (batches * (samples.length + 1)) / SAMPLES) return;
    const sampling = cpuClock();
    const sample = { events: to * EVENTS_A_BATCH, kept_mb: round(keptBytes() / 1e6), anonymous_mb: round(anonymousBytes() / 1e6) };
    samples.push(sample);
    sampling_us += sampling.elapsed_us();
    process.stderr.write(`${sample.events} of ${batches * EVENTS_A_BATCH} events sealed\n`);
    if (samples.length !== WARM) return;
    cpu = cpuClock();
    from_ms = performance.now();
    countedFrom = to;
    sampling_us = 0;
    warm();
  },
});
await warmed;
const engineFrom_us = (await engine.usage()).cpu_us;
await ledger.sealedTo(batches);
const ledger_us = cpu.elapsed_us() - sampling_us;
const { cpu_us, rss_bytes } = await engine.usage();
const counted = (batches - countedFrom) * EVENTS_A_BATCH;
const wall_ms = performance.now() - from_ms;
await ledger.stop();

await engine.run('OPTIMIZE TABLE sealtrail.entries FINAL');
const onDisk = await engine.run("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'sealtrail'", 'TSVRaw');
await store.close();
await log.close();
const events = batches * EVENTS_A_BATCH;
give({
  tenants,
  events,
  rounds: ledger.rounds,
  ledger_us_per_event: round(ledger_us / counted),
  engine_us_per_event: round((cpu_us - engineFrom_us) / counted),
  events_per_s: Math.round((counted / wall_ms) * 1_000),
  ledger_memory: samples,
  engine_rss_mb: round(rss_bytes / 1e6),
  record_bytes_per_event: round(record_bytes / events, 1),
  log_bytes_per_event: round((await folderBytes(join(folder, 'log'))) / events, 1),
  store_bytes_per_event: round(Number(new TextDecoder().decode(onDisk)) / events, 1),
});
await rm(folder, { recursive: true, force: true });
