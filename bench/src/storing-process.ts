/** The other end of the pipeline: the ledger with its engine, or a consumer that parses JSON and inserts it. */
import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openLmdbEventLog } from '@sealtrail/event-log-lmdb';
import { openChdbStore, openEngine } from '@sealtrail/store-chdb';
import { TOPIC } from './batches.ts';
import { runLedger } from './run-ledger.ts';

export type ToStoring = { readonly kind: 'store_to'; readonly offset: number } | { readonly kind: 'stop' };
export type FromStoring = { readonly events: number; readonly cpu_us: number; readonly rss_bytes: number; readonly store_bytes: number };

interface Storing {
  storedTo(offset: number): Promise<{ readonly events: number; readonly store_bytes: number }>;
  close(): Promise<void>;
}

const BLOCK_ROWS = 10_000;

async function ledger(folder: string): Promise<Storing> {
  const log = await openLmdbEventLog({ dir: join(folder, 'log'), clock_ms: Date.now, random: randomBytes });
  const store = await openChdbStore({ dir: join(folder, 'store') });
  const running = runLedger(log, store);
  return {
    async storedTo(offset) {
      await running.sealedTo(offset);
      const { rows } = await store.select('SELECT count() AS n FROM audit_events');
      return { events: Number(rows[0]?.['n']), store_bytes: 0 };
    },
    async close() {
      await running.stop();
      await store.close();
      await log.close();
    },
  };
}

async function plainCopy(folder: string): Promise<Storing> {
  const log = await openLmdbEventLog({ dir: join(folder, 'log'), clock_ms: Date.now, random: randomBytes });
  await mkdir(join(folder, 'store'), { recursive: true });
  const engine = openEngine(join(folder, 'store', 'engine'));
  const strings =
    'action, outcome, actor_type, actor_client_id, actor_issuer, token_status, token_algorithm, http_method, http_route, tenant';
  await engine.run('CREATE DATABASE plain');
  await engine.run(`CREATE TABLE plain.events (event_id String, occurred_at DateTime64(3), actor_id String, actor_roles Array(LowCardinality(String)),
    actor_scopes Array(LowCardinality(String)), actor_chain Array(String), token_key_id Nullable(String), token_issued_at DateTime64(3),
    token_expires_at DateTime64(3), source_ip String, user_agent String, http_status Int32, trace_id String, resource_id String,
    related Array(Tuple(type String, id String)), attributes Map(LowCardinality(String), String),
    ${strings
      .split(', ')
      .map((name) => `${name} LowCardinality(String)`)
      .join(', ')}) ENGINE = MergeTree ORDER BY (tenant, occurred_at) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`);
  const reader = await log.reader();
  const inserts = join(folder, 'inserts');
  await mkdir(inserts);
  let target = Number.POSITIVE_INFINITY;
  let next = 0;
  let stopped = false;
  let rows: unknown[] = [];
  let files = 0;
  const flush = async (): Promise<void> => {
    if (rows.length === 0) return;
    const path = join(inserts, `${files++}.json`);
    await writeFile(path, rows.map((row) => JSON.stringify(row)).join('\n'));
    rows = [];
    await engine.run(`INSERT INTO plain.events FROM INFILE '${path}' FORMAT JSONEachRow`);
    await rm(path);
  };
  const running = (async () => {
    while (!stopped && next < target) {
      const read = await reader.read(TOPIC, 0, next, { records_max: 256, bytes_max: 8_388_608, wait_ms: 100 });
      if (read.kind !== 'records') throw new Error(`the log gave ${read.kind}`);
      for (const { offset, value } of read.records) {
        for (const line of Buffer.from(value ?? new Uint8Array())
          .toString('utf8')
          .split('\n'))
          rows.push(JSON.parse(line));
        next = offset + 1;
        if (rows.length >= BLOCK_ROWS) await flush();
      }
    }
    await flush();
  })();
  return {
    async storedTo(offset) {
      target = offset;
      await running;
      const count = new TextDecoder().decode(await engine.run('SELECT count() FROM plain.events', 'TSVRaw'));
      return { events: Number(count), store_bytes: 0 };
    },
    async close() {
      stopped = true;
      await running;
      await reader.close();
      await engine.close();
      await log.close();
    },
  };
}

const [kind, folder = ''] = process.argv.slice(2);
const storing = await (kind === 'json' ? plainCopy(folder) : ledger(folder));
const say = (answer: FromStoring): void => void process.send?.(answer);
const from = process.cpuUsage();
process.on('message', (message: ToStoring) => {
  if (message.kind === 'stop') {
    void storing.close().then(() => process.disconnect());
    return;
  }
  void storing.storedTo(message.offset).then(({ events, store_bytes }) => {
    const { user, system } = process.cpuUsage(from);
    say({ events, cpu_us: user + system, rss_bytes: process.memoryUsage.rss(), store_bytes });
  });
});
say({ events: 0, cpu_us: 0, rss_bytes: 0, store_bytes: 0 });
