/**
 * npm run soak [-- --events 10000000] [--partitions 6]: many events from a service through Kafka and the ledger's own process
 * to ClickHouse over HTTP, with the memory of every process at each tenth, and `fsck` over all of it at the end. Prints a
 * table and writes bench/results/soak.json. Needs Java and Maven, for the broker; the engine is the embedded one behind an
 * HTTP front.
 */
import { type ChildProcess, execFile, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { forkClickHouse } from '@sealtrail/chdb-http';
import { isSmoke, round } from './measure.ts';
import { SERVICE_NODE_FLAGS, SOURCE_NODE_FLAGS } from './node-flags.ts';
import type { Filled, FillingOptions } from './servers/filling.ts';
import { processCpu_us, processMemory_bytes } from './servers/process-cpu.ts';
import { startTestBroker } from './servers/test-broker.ts';

const argument = (name: string, fallback: number): number => {
  const at = process.argv.indexOf(name);
  return at === -1 ? fallback : Number(process.argv[at + 1]);
};
const EVENTS = argument('--events', isSmoke() ? 20_000 : 10_000_000);
const PARTITIONS = argument('--partitions', 6);
const STEPS = 10;
const TENANTS = 100;
const PRODUCER = 'soak';
const LOOK_MS = 250;
const root = fileURLToPath(new URL('../../', import.meta.url));

const folder = await mkdtemp(join(tmpdir(), 'sealtrail-soak-'));
const deployment_dir = join(folder, 'deployment');
const broker = await startTestBroker(join(folder, 'kafka'), 512);
const clickhouse = await forkClickHouse({ dir: join(folder, 'clickhouse') });
const env = { ...process.env, KAFKA_BROKERS: broker.address, CLICKHOUSE_URL: clickhouse.url };

const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;
const sealtrail = async (...args: readonly string[]): Promise<string> => {
  const all = [...args, '--data', deployment_dir];
  const { stdout } = await promisify(execFile)(join(root, 'sealtrail'), all, { env, maxBuffer: OUTPUT_BYTES_MAX });
  return stdout;
};
const say = (text: string): void => void process.stderr.write(`${text}\n`);

say('setting up');
await sealtrail('setup', '--partitions', String(PARTITIONS));
await sealtrail('keys', 'add', PRODUCER, '--tenants', '*');

/** The ledger as it is deployed. Its operations port is told in the log. */
const ledger = spawn(process.execPath, [...SERVICE_NODE_FLAGS, ...SOURCE_NODE_FLAGS, join(root, 'services/ledger/src/main.ts')], {
  env: { ...env, SEALTRAIL_DEPLOYMENT_DIR: deployment_dir, SEALTRAIL_OPERATIONS_HOST: '127.0.0.1', SEALTRAIL_OPERATIONS_PORT: '0' },
  stdio: ['ignore', 'pipe', 'inherit'],
});
const port = await new Promise<number>((resolve, reject) => {
  let text = '';
  ledger.stdout?.on('data', (chunk: Buffer) => {
    text = `${text}${chunk.toString('utf8')}`.slice(-10_000);
    const told = /serving health and metrics.*?"port":(\d+)/.exec(text)?.[1];
    if (told !== undefined) resolve(Number(told));
  });
  ledger.once('exit', (code) => reject(new Error(`the ledger ended with ${code}: ${text}`)));
});
/** Entries that the ledger has sealed, by its own metric. */
async function sealedEvents(): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return [...text.matchAll(/^sealtrail_ledger_entries_total\{[^}]*\} (\S+)$/gm)].reduce((sum, [, value]) => sum + Number(value), 0);
}

const options: FillingOptions = { broker: broker.address, deployment_dir, producer: PRODUCER, events: EVENTS, tenants: TENANTS };
const filling: ChildProcess = fork(fileURLToPath(new URL('./servers/filling.ts', import.meta.url)), [JSON.stringify(options)], {
  execArgv: [...SOURCE_NODE_FLAGS],
});
let filled: Filled | null = null;
filling.on('message', (message: Filled) => (filled = message));
const gone = Promise.race([
  once(ledger, 'exit').then(() => 'the ledger'),
  once(filling, 'exit').then(([code]) => (code === 0 ? new Promise<string>(() => undefined) : 'the emitting process')),
]).then((who) => {
  throw new Error(`${who} ended early`);
});
gone.catch(() => undefined);

const PROCESSES = { service: filling, ledger, broker, clickhouse } as const;
interface Row {
  readonly events: number;
  readonly seconds: number;
  /** MB without mapped files; null for a process that has ended. */
  readonly memory_mb: Readonly<Record<keyof typeof PROCESSES, number | null>>;
}
const names = Object.keys(PROCESSES) as readonly (keyof typeof PROCESSES)[];
const memory = (pid: number | undefined): number | null => {
  try {
    return round(processMemory_bytes(pid ?? 0) / 1e6, 0);
  } catch {
    return null; // it has ended: what was to emit is emitted
  }
};
const rows: Row[] = [];
const from_ms = performance.now();
const cells = (values: readonly string[]): string => values.map((value) => value.padStart(15)).join('');
say(cells(['events', 'seconds', ...names.map((name) => `${name} MB`)]));
let sealed = 0;
while (sealed < EVENTS) {
  await Promise.race([new Promise((resolve) => setTimeout(resolve, LOOK_MS)), gone]);
  sealed = await sealedEvents();
  if (sealed < (EVENTS * (rows.length + 1)) / STEPS) continue;
  const memory_mb = Object.fromEntries(names.map((name) => [name, memory(PROCESSES[name].pid)])) as Row['memory_mb'];
  const row = { events: sealed, seconds: round((performance.now() - from_ms) / 1_000, 0), memory_mb };
  rows.push(row);
  say(cells([row.events.toLocaleString('en-US'), String(row.seconds), ...names.map((name) => String(memory_mb[name] ?? '–'))]));
}
const seconds = (performance.now() - from_ms) / 1_000;
const ledger_us = processCpu_us(ledger.pid as number);

say('fsck');
const checked_ms = performance.now();
const fsck = JSON.parse((await sealtrail('fsck', '--json')).trimEnd().split('\n').at(-1) ?? '') as {
  readonly ok: boolean;
  readonly findings: readonly unknown[];
};
const result = {
  events: EVENTS,
  acknowledged_events: (filled as Filled | null)?.acknowledged_events ?? null,
  sealed_events: sealed,
  partitions: PARTITIONS,
  tenants: TENANTS,
  events_per_s: Math.round(sealed / seconds),
  ledger_us_per_event: round(ledger_us / sealed),
  memory: rows,
  fsck: { ok: fsck.ok, findings: fsck.findings.length, seconds: round((performance.now() - checked_ms) / 1_000, 0) },
};
const ended = once(ledger, 'exit');
ledger.kill('SIGTERM');
await ended;
await clickhouse.close();
await broker.stop();
await rm(folder, { recursive: true, force: true });
if (!isSmoke()) {
  await mkdir(new URL('../results/', import.meta.url), { recursive: true });
  await writeFile(new URL('../results/soak.json', import.meta.url), `${JSON.stringify(result, null, 2)}\n`);
}
const { ok, findings, seconds: fsck_seconds } = result.fsck;
process.stdout.write(`${sealed.toLocaleString('en-US')} events sealed in ${round(seconds, 0)} s, ${result.events_per_s} a second\n`);
process.stdout.write(`fsck in ${fsck_seconds} s: ${ok ? 'clean' : `${findings} findings`}\n`);
process.exitCode = ok && sealed === EVENTS && result.acknowledged_events === EVENTS ? 0 : 1;
