/**
 * The pipeline on a Kafka broker and ClickHouse over HTTP, beside what a user would do instead, on the same events, broker and
 * engine in one run: (a) a kafkajs consumer that parses JSON and inserts JSONEachRow in blocks of 10,000, unverified; (b) the
 * same passing the JSON text through. Every part is a process of its own.
 *
 * The engine is the embedded one behind an HTTP front: it stands for a server, whose network layer it lacks.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient } from '@clickhouse/client';
import { forkClickHouse } from '@sealtrail/chdb-http';
import { openKafkaEventLog } from '@sealtrail/event-log-kafka';
import { openClickHouseStore } from '@sealtrail/store-clickhouse';
import { prepareLog, TOPIC } from './batches.ts';
import { folderBytes } from './folders.ts';
import { give, isSmoke, round, sized } from './measure.ts';
import { SERVICE_NODE_FLAGS, SOURCE_NODE_FLAGS } from './node-flags.ts';
import { PLAIN_TABLE_SQL } from './request-events.ts';
import { processCpu_us, processMemory_bytes } from './servers/process-cpu.ts';
import type { FromProducing, ProducingOptions, Sent } from './servers/producing.ts';
import type { Mode, Stored, StoringOptions } from './servers/storing.ts';
import { startTestBroker } from './servers/test-broker.ts';

const EVENTS = sized(1_200_000, 2_000);
/** Share of the events that warms up whoever stores them: start and compilation are not an event's cost. */
const WARM_SHARE = 0.2;
/** What comes before the two run at once: a broker and an engine that have just started compile more than they work. */
const WARM_EVENTS = sized(200_000, 500);
const LATENCY_SECONDS = sized(20, 1);
const TENANTS = 12;

interface Servers {
  readonly folder: string;
  readonly broker: string;
  readonly broker_pid: number;
  readonly clickhouse: string;
  readonly clickhouse_pid: number;
  close(): Promise<void>;
}

async function startServers(): Promise<Servers> {
  const folder = await mkdtemp(join(tmpdir(), 'sealtrail-bench-'));
  const broker = await startTestBroker(join(folder, 'kafka'), 512);
  const clickhouse = await forkClickHouse({ dir: join(folder, 'clickhouse') });
  return {
    folder,
    broker: broker.address,
    broker_pid: broker.pid,
    clickhouse: clickhouse.url,
    clickhouse_pid: clickhouse.pid,
    async close() {
      await clickhouse.close();
      await broker.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Makes the topics and tables of one mode. */
async function prepare(servers: Servers, mode: Mode, partitions: number): Promise<string> {
  const log = await openKafkaEventLog({ client: { brokers: [servers.broker] }, clock_ms: Date.now, random: randomBytes });
  const topic = mode === 'ledger' ? TOPIC : `plain.${mode}`;
  if (mode === 'ledger') await prepareLog(log, partitions);
  else {
    const admin = await log.admin();
    await admin.createTopics([{ topic, partitions, cleanup_policy: 'delete' }]);
    await admin.close();
  }
  await log.close();
  if (mode === 'ledger') await (await openClickHouseStore({ url: servers.clickhouse, username: 'default', password: '' })).close();
  else {
    const client = createClient({ url: servers.clickhouse });
    for (const query of PLAIN_TABLE_SQL) await client.command({ query });
    await client.close();
  }
  return topic;
}

const child = (name: string, options: ProducingOptions | StoringOptions): ChildProcess =>
  fork(fileURLToPath(new URL(`./servers/${name}.ts`, import.meta.url)), [JSON.stringify(options)], {
    // The storing process of each way alike; a producing one stands in a service of somebody else's.
    execArgv: [...(name === 'storing' ? SERVICE_NODE_FLAGS : []), ...SOURCE_NODE_FLAGS],
  });

interface Produced {
  readonly seconds: number;
  readonly sent: readonly Sent[];
  readonly cpu_us: number;
}
async function produce(options: ProducingOptions): Promise<Produced> {
  const process = child('producing', options);
  const sent: Sent[] = [];
  const from_ms = performance.now();
  let cpu_us = 0;
  let base_us: number | null = null;
  process.on('message', (message: FromProducing) => {
    if (message.kind === 'sent') sent.push(...message.sent);
    // Start and compilation are not an event's cost: counted from the first record on.
    base_us ??= processCpu_us(process.pid as number);
    if (message.kind === 'done') cpu_us = processCpu_us(process.pid as number) - (base_us ?? 0);
  });
  const [code] = (await once(process, 'exit')) as [number];
  if (code !== 0) throw new Error(`the producing process ended with ${code}`);
  return { seconds: (performance.now() - from_ms) / 1_000, sent, cpu_us };
}

/** A storing process, with what it has told so far. */
class Storing {
  readonly #process: ChildProcess;
  readonly #visible = new Map<number, number>();
  readonly stored: Stored[] = [];
  #wake = (): void => undefined;
  private constructor(process: ChildProcess) {
    this.#process = process;
    process.on('message', (message: Stored | 'ready') => {
      if (message === 'ready') return;
      this.stored.push(message);
      this.#visible.set(message.partition, Math.max(message.to, this.#visible.get(message.partition) ?? 0));
      this.#wake();
    });
  }

  static async start(options: StoringOptions): Promise<Storing> {
    const process = child('storing', options);
    const storing = new Storing(process);
    await once(process, 'message');
    return storing;
  }

  cpu_us(): number {
    return processCpu_us(this.#process.pid as number);
  }

  memory_bytes(): number {
    return processMemory_bytes(this.#process.pid as number);
  }

  async visibleTo(ends: ReadonlyMap<number, number>): Promise<void> {
    const gone = once(this.#process, 'exit').then(([code]) => {
      throw new Error(`the storing process ended with ${String(code)}`);
    });
    gone.catch(() => undefined);
    while (![...ends].every(([partition, end]) => (this.#visible.get(partition) ?? 0) >= end)) {
      await Promise.race([new Promise<void>((resolve) => (this.#wake = resolve)), gone]);
    }
  }

  /** Events of these records that are visible. */
  visibleEvents(sent: readonly Sent[]): number {
    let visible = 0;
    for (const { partition, offset, records, events } of sent) {
      const share = ((this.#visible.get(partition) ?? 0) - offset) / records;
      visible += events * Math.max(0, Math.min(1, share));
    }
    return visible;
  }

  async stop(): Promise<void> {
    this.#process.disconnect();
    await once(this.#process, 'exit');
  }
}

/** Ends of the partitions after these records. A JSON send tells its first offset and how many there are. */
function endsOf(sent: readonly Sent[], mode: Mode): ReadonlyMap<number, number> {
  const ends = new Map<number, number>();
  for (const { partition, offset, records } of sent) {
    ends.set(partition, Math.max(ends.get(partition) ?? 0, offset + (mode === 'ledger' ? 1 : records)));
  }
  return ends;
}

interface Saturated {
  readonly produce_events_per_s: number;
  readonly store_events_per_s: number;
  readonly producer_us_per_event: number;
  readonly storing_us_per_event: number;
  readonly engine_us_per_event: number;
  readonly broker_us_per_event: number;
  readonly storing_memory_mb: number;
  readonly kafka_bytes_per_event: number;
}

/** Each stage by itself: everything is produced first, then everything is stored. */
async function saturated(servers: Servers, mode: Mode, partitions: number): Promise<Saturated> {
  const topic = await prepare(servers, mode, partitions);
  const kafkaFolder = join(servers.folder, 'kafka');
  const before = { bytes: await folderBytes(kafkaFolder), broker_us: processCpu_us(servers.broker_pid) };
  const kind = mode === 'ledger' ? 'events' : 'json';
  const produced = await produce({ kind, broker: servers.broker, topic, events: EVENTS, tenants: TENANTS, rate_per_s: null });
  const bytes = (await folderBytes(kafkaFolder)) - before.bytes;
  const storing = await Storing.start({ mode, broker: servers.broker, clickhouse: servers.clickhouse, topic, partitions });
  const warm = produced.sent.slice(0, Math.ceil(produced.sent.length * WARM_SHARE));
  await storing.visibleTo(endsOf(warm, mode));
  const before_events = storing.visibleEvents(produced.sent);
  const [storing_us, engine_us, from_ms] = [storing.cpu_us(), processCpu_us(servers.clickhouse_pid), performance.now()];
  await storing.visibleTo(endsOf(produced.sent, mode));
  const seconds = (performance.now() - from_ms) / 1_000;
  const stored_events = storing.visibleEvents(produced.sent) - before_events;
  const result = {
    produce_events_per_s: Math.round(EVENTS / produced.seconds),
    store_events_per_s: Math.round(stored_events / seconds),
    producer_us_per_event: round(produced.cpu_us / EVENTS),
    storing_us_per_event: round((storing.cpu_us() - storing_us) / stored_events),
    engine_us_per_event: round((processCpu_us(servers.clickhouse_pid) - engine_us) / stored_events),
    broker_us_per_event: round((processCpu_us(servers.broker_pid) - before.broker_us) / EVENTS),
    storing_memory_mb: round(storing.memory_bytes() / 1e6),
    kafka_bytes_per_event: round(bytes / EVENTS, 1),
  };
  await storing.stop();
  return result;
}

interface EndToEnd {
  readonly events_per_s: number;
  readonly rate_per_s: number | null;
  readonly latency_ms_p50: number;
  readonly latency_ms_p99: number;
}

/** Both at once, on servers that are warm: from the first event logged until the last one is visible. */
async function endToEnd(servers: Servers, mode: Mode, partitions: number, rate_per_s: number | null): Promise<EndToEnd> {
  const topic = await prepare(servers, mode, partitions);
  const events = rate_per_s === null ? EVENTS : rate_per_s * LATENCY_SECONDS;
  const storing = await Storing.start({ mode, broker: servers.broker, clickhouse: servers.clickhouse, topic, partitions });
  const kind = mode === 'ledger' ? 'events' : 'json';
  const producing = { kind, broker: servers.broker, topic, tenants: TENANTS } as const;
  const warm = await produce({ ...producing, events: WARM_EVENTS, rate_per_s: null });
  await storing.visibleTo(endsOf(warm.sent, mode));
  const { sent } = await produce({ ...producing, events, rate_per_s });
  await storing.visibleTo(endsOf(sent, mode));
  await storing.stop();
  // A batch that only closes a sequence carries no event.
  const data = sent.filter(({ events: carried }) => carried > 0);
  const first_ms = Math.min(...data.map(({ first_logged_ms }) => first_logged_ms));
  const last_ms = Math.max(...storing.stored.map(({ at_ms }) => at_ms));
  const latencies = data.map(({ partition, offset, records, first_logged_ms }) => {
    const needed = offset + (mode === 'ledger' ? 1 : records);
    const seen = storing.stored.find((stored) => stored.partition === partition && stored.to >= needed);
    return (seen?.at_ms ?? Number.POSITIVE_INFINITY) - first_logged_ms;
  });
  latencies.sort((a, b) => a - b);
  const at = (share: number): number => round(latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0, 0);
  return {
    events_per_s: Math.round(events / ((last_ms - first_ms) / 1_000)),
    rate_per_s,
    latency_ms_p50: at(0.5),
    latency_ms_p99: at(0.99),
  };
}

/** One measurement on servers of its own, so that none finds another's files or caches. */
async function onServers<T>(measure: (servers: Servers) => Promise<T>): Promise<T> {
  const servers = await startServers();
  try {
    return await measure(servers);
  } finally {
    await servers.close();
  }
}

const say = (text: string): void => void process.stderr.write(`  … ${text}\n`);
const MODES: readonly Mode[] = isSmoke() ? ['ledger', 'json'] : ['ledger', 'json', 'json-text'];
const whole: Partial<Record<Mode, EndToEnd>> = {};
const stages: Partial<Record<Mode, Saturated>> = {};
const calm: Partial<Record<Mode, EndToEnd>> = {};
for (const mode of MODES) {
  say(`${mode}: stages`);
  stages[mode] = await onServers((servers) => saturated(servers, mode, 1));
  say(`${mode}: end to end`);
  whole[mode] = await onServers((servers) => endToEnd(servers, mode, 1, null));
}
for (const mode of isSmoke() ? [] : (['ledger', 'json'] as const)) {
  say(`${mode}: latency at half load`);
  calm[mode] = await onServers((servers) => endToEnd(servers, mode, 1, Math.floor((whole[mode] as EndToEnd).events_per_s / 2)));
}
say('ledger: 12 partitions');
const twelve = isSmoke() ? null : await onServers((servers) => saturated(servers, 'ledger', 12));
const ratio = (a: number | undefined, b: number | undefined): number => round((a ?? 0) / (b ?? 1));
give({
  events: EVENTS,
  stages,
  end_to_end: whole,
  half_load: calm,
  twelve_partitions: twelve,
  ratio_to_json: ratio(whole.ledger?.events_per_s, whole.json?.events_per_s),
  ratio_to_json_text: ratio(whole.ledger?.events_per_s, whole['json-text']?.events_per_s),
  ratio_12_partitions: ratio(twelve?.storing_us_per_event, stages.ledger?.storing_us_per_event),
});
