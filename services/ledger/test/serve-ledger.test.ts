import { EventEmitter } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DataDirectory, ledgerKey, openDataDirectory, sealingKey } from '@sealtrail/data-directory';
import { EventLogError } from '@sealtrail/event-log';
import { createMemoryEventLog, type MemoryEventLog } from '@sealtrail/event-log/memory';
import { createMemoryLedgerStore } from '@sealtrail/ledger-store/memory';
import { type Served, startTimer } from '@sealtrail/service-runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readLedgerConfig } from '../src/config.ts';
import { type ServeLedgerOptions, serveLedger } from '../src/serve-ledger.ts';

const random = (bytes: number): Uint8Array => new Uint8Array(bytes).fill(5);
const config = readLedgerConfig(
  {
    KAFKA_BROKERS: 'kafka:9092',
    CLICKHOUSE_URL: 'http://clickhouse:8123',
    SEALTRAIL_DEPLOYMENT_DIR: '/deployment',
    SEALTRAIL_OPERATIONS_HOST: '127.0.0.1',
    SEALTRAIL_OPERATIONS_PORT: '0',
  },
  () => '',
);

let folder: string;
let directory: DataDirectory;
let log: MemoryEventLog;
let lines: Record<string, unknown>[];
let signals: EventEmitter;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'serve-ledger-'));
  directory = await openDataDirectory({ dir: join(folder, 'deployment'), create: { random } });
  await ledgerKey(directory, random);
  await sealingKey(directory);
  log = createMemoryEventLog({ clock_ms: Date.now });
  log.control.createTopics([
    { topic: directory.deployment.topic, partitions: 1, cleanup_policy: 'delete' },
    { topic: directory.deployment.registry_topic, partitions: 1, cleanup_policy: 'none' },
    { topic: directory.deployment.rejected_topic, partitions: 1, cleanup_policy: 'delete' },
  ]);
  lines = [];
  signals = new EventEmitter();
});
afterEach(() => rm(folder, { recursive: true }));

const serve = (changes: Partial<ServeLedgerOptions> = {}): Promise<Served> =>
  serveLedger({
    config,
    directory,
    openLog: async () => log.open(),
    openStore: async () => createMemoryLedgerStore(),
    signals,
    startTimer,
    clock_ms: Date.now,
    random,
    write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>),
    ...changes,
  });
const seen = async (message: string): Promise<Record<string, unknown>> => {
  for (;;) {
    const line = lines.find((candidate) => candidate['message'] === message);
    if (line !== undefined) return line;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

describe('serveLedger', () => {
  it('is live at once, ready when the log was reached, serves metrics, and ends clean on SIGTERM', async () => {
    const served = serve();
    const { port } = await seen('serving health and metrics');
    const get = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${String(port)}${path}`);
    expect((await get('/livez')).status).toBe(200);
    await seen('partition taken up');
    while ((await get('/readyz')).status !== 200) await new Promise((resolve) => setTimeout(resolve, 5));
    log.control.put(directory.deployment.topic, 0, { value: new Uint8Array(3) });
    await seen('round sealed; records were rejected');
    expect(await (await get('/metrics')).text()).toContain('sealtrail_ledger_rejected_total{reason="malformed"} 1');
    signals.emit('SIGTERM', 'SIGTERM');
    expect(await served).toEqual({ shutdown: { kind: 'clean', cause: 'SIGTERM' }, failure: null });
    expect(lines.filter(({ message }) => message === 'stopping').map(({ step }) => step)).toEqual([
      'ledger',
      'event log',
      'store',
      'operations server',
    ]);
  });

  it('is not ready while a partition is halted, and says why', async () => {
    log.control.createTopics([{ topic: 'other', partitions: 1, cleanup_policy: 'delete' }]);
    const pinned = { ...directory, deployment: { ...directory.deployment, partitions: 3 } };
    const served = serve({ directory: pinned });
    const { port } = await seen('serving health and metrics');
    const halted = await lines_halted();
    expect(halted).toMatchObject({ level: 'error', code: 'topic_settings' });
    const ready = await fetch(`http://127.0.0.1:${String(port)}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.text()).toContain('partition 0: topic_settings');
    signals.emit('SIGTERM', 'SIGTERM');
    expect((await served).shutdown.kind).toBe('clean');
  });

  it('throws what keeps it from starting, after it closed what was open', async () => {
    let closed = false;
    const store = createMemoryLedgerStore();
    const refused = serve({
      openLog: async () => {
        throw new EventLogError('log_unavailable', 'no broker of kafka:9092 answers; check KAFKA_BROKERS');
      },
      openStore: async () => ({
        ...store,
        close: async () => {
          closed = true;
        },
      }),
    });
    await expect(refused).rejects.toThrow('no broker of kafka:9092 answers');
    expect(closed).toBe(true);
  });

  it('needs the keys that setup made', async () => {
    await rm(join(directory.keys_dir, 'ledger.jwk.json'));
    await expect(serve()).rejects.toThrow('run `sealtrail setup` on the directory');
  });
});

async function lines_halted(): Promise<Record<string, unknown>> {
  for (;;) {
    const line = lines.find(({ message }) => String(message).startsWith('halted: '));
    if (line !== undefined) return line;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
