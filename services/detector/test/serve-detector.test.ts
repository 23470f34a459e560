import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataDirectoryError } from '@sealtrail/data-directory';
import { EventLogError } from '@sealtrail/event-log';
import type { MemoryLogHandle } from '@sealtrail/event-log/memory';
import type { AlertStore } from '@sealtrail/ledger-store';
import { createMemoryAlertStore } from '@sealtrail/ledger-store/memory';
import { type Served, startTimer } from '@sealtrail/service-runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DetectorConfig, readDetectorConfig } from '../src/config.ts';
import { ALERTS_TOPIC, loadDetection, NO_ALERTING } from '../src/index.ts';
import { type ServeDetectorOptions, serveDetector } from '../src/serve-detector.ts';
import { DetectorWorld, TOPIC } from './world.ts';

const page = readFileSync(new URL('../../../docs/operations/detector.md', import.meta.url), 'utf8');
const DELETED = `
title: Deleted
id: 33333333-3333-4333-8333-333333333333
level: medium
logsource: { product: sealtrail, category: audit }
detection:
  deleted:
    action|endswith: .delete
  condition: deleted
`;

type Line = Readonly<Record<string, unknown>>;
interface Instance {
  readonly served: Promise<Served>;
  readonly log: MemoryLogHandle;
  readonly signals: EventEmitter;
  lines(): readonly Line[];
  /** Resolves with the first line that has this message. */
  seen(message: string): Promise<Line>;
  get(path: string): Promise<Response>;
}

let folder: string;
let config: DetectorConfig;
let world: DetectorWorld;
let store: AlertStore;
let rules: ServeDetectorOptions['rules'];
let at_s: number;
const started: Instance[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'serve-detector-'));
  await writeFile(join(folder, 'rules.yml'), DELETED);
  config = readDetectorConfig(
    {
      KAFKA_BROKERS: 'kafka:9092',
      CLICKHOUSE_URL: 'http://clickhouse:8123',
      SEALTRAIL_DEPLOYMENT_DIR: folder,
      SEALTRAIL_DETECTOR_RULES: join(folder, 'rules.yml'),
      SEALTRAIL_OPERATIONS_HOST: '127.0.0.1',
      SEALTRAIL_OPERATIONS_PORT: '0',
      SEALTRAIL_SHUTDOWN_DEADLINE_MS: '1000', // one whose log was killed gets no answer any more
    },
    () => '',
  );
  rules = loadDetection(config.rules);
  world = new DetectorWorld(rules);
  world.log.control.createTopics([{ topic: ALERTS_TOPIC, partitions: 1, cleanup_policy: 'delete' }]);
  store = createMemoryAlertStore();
  at_s = 0;
});
afterEach(async () => {
  for (const { signals } of started) signals.emit('SIGTERM', 'SIGTERM');
  await Promise.allSettled(started.splice(0).map(({ served }) => served));
  await rm(folder, { recursive: true });
});

const tick = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await tick();
}

function serve(changes: Partial<ServeDetectorOptions> = {}): Instance {
  const lines: Line[] = [];
  const signals = new EventEmitter();
  const log = world.log.open();
  const served = serveDetector({
    config,
    deployment: {
      version: 1,
      audience: 'test.deployment',
      topic: TOPIC,
      registry_topic: 'audit.registry',
      rejected_topic: 'audit.rejected',
      incarnation: 1,
      partitions: 1,
    },
    rules,
    alerting: NO_ALERTING,
    openLog: async () => log,
    openStore: async () => ({ alerts: store, close: async () => undefined }),
    signals,
    startTimer,
    clock_ms: Date.now,
    random: Math.random,
    newId: () => `id-${Math.random()}`,
    write: (line) => void lines.push(JSON.parse(line) as Line),
    ...changes,
  });
  const seen = async (message: string): Promise<Line> => {
    await until(() => lines.some((line) => line['message'] === message));
    return lines.find((line) => line['message'] === message) as Line;
  };
  const get = async (path: string): Promise<Response> => {
    const { port } = await seen('serving health and metrics');
    return fetch(`http://127.0.0.1:${String(port)}${path}`);
  };
  const instance = { served, log, signals, lines: () => lines, seen, get };
  started.push(instance);
  return instance;
}

/** An event that the rule matches. */
const happen = (): void => world.emit([{ tenant: 'acme', at_s: at_s++, action: 'invoice.delete' }]);
const alertsStored = async (): Promise<number> => (await store.alerts({ rows_max: 100 })).length;
const inTopic = (): number => world.log.control.records(ALERTS_TOPIC, 0).length;

describe('serveDetector', () => {
  it('says which rules it leaves out, and why, and runs the others', async () => {
    const refused = DELETED.replace('33333333-', '44444444-').replace('condition: deleted', 'condition: other');
    await writeFile(join(folder, 'rules.yml'), `${DELETED}---${refused}`);
    const detector = serve({ rules: loadDetection({ ...config.rules, skip_refused: true }) });
    const line = await detector.seen('a rule is left out');
    expect(line).toMatchObject({ level: 'warn', reason: expect.stringMatching(/:\d+: 44444444-.*other/) as string });
    happen();
    await until(async () => (await alertsStored()) === 1);
  });

  it('is live at once, ready when log and store were reached, raises alerts, and ends clean on SIGTERM', async () => {
    const detector = serve();
    expect((await detector.get('/livez')).status).toBe(200);
    await until(async () => (await detector.get('/readyz')).status === 200);
    happen();
    await until(async () => (await alertsStored()) === 1);
    await until(() => inTopic() === 1);
    await detector.seen('alert raised');
    const metrics = await (await detector.get('/metrics')).text();
    expect(metrics).toContain('sealtrail_detector_active_info 1');
    expect(metrics).toContain(
      'sealtrail_detector_alerts_total{rule="33333333-3333-4333-8333-333333333333",level="medium",outcome="unrouted"} 1',
    );
    const told = Array.from(metrics.matchAll(/^# HELP sealtrail_detector(_\S+)/gm), ([, name]) => name ?? '');
    const documented = Array.from(page.matchAll(/^\| `sealtrail_detector.* \|/gm), ([row]) => row.split(' | ')[0] ?? '').flatMap((names) =>
      Array.from(names.matchAll(/`(?:sealtrail_detector)?(_[a-z_]+)/g), ([, name]) => name ?? ''),
    );
    expect([...documented].sort()).toEqual([...told].sort());
    detector.signals.emit('SIGTERM', 'SIGTERM');
    expect(await detector.served).toEqual({ shutdown: { kind: 'clean', cause: 'SIGTERM' }, failure: null });
    const steps = detector.lines().filter(({ message }) => message === 'stopping');
    expect(steps.map(({ step }) => step)).toEqual(['detector', 'event log', 'store', 'operations server']);
    expect(JSON.parse(await readFile(join(folder, 'detector-state.json'), 'utf8'))).toMatchObject({ version: 1 });
  });

  it('stands by where another instance is active, takes over from it, and raises each alert once', async () => {
    const first = serve();
    await first.seen('detection took up a partition');
    const second = serve();
    await until(async () => (await second.get('/readyz')).status === 200);
    expect(await (await second.get('/metrics')).text()).toContain('sealtrail_detector_active_info 0');
    happen();
    await until(async () => (await alertsStored()) === 1);
    expect(second.lines().some(({ message }) => message === 'this instance is the active one')).toBe(false);
    first.log.kill();
    await second.seen('detection took up a partition');
    happen();
    await until(async () => (await alertsStored()) === 2);
    // The one that is gone raised the first, and the other knows of it: from its offset, or else from the kept state.
    expect(new Set(world.log.control.records(ALERTS_TOPIC, 0).map(({ value }) => Buffer.from(value ?? []).toString('hex'))).size).toBe(2);
    expect(await (await second.get('/metrics')).text()).toContain('sealtrail_detector_active_info 1');
  });

  it('takes up a silence that somebody made while nobody ran, before the first alert', async () => {
    const now = Date.now();
    await store.insertActions([
      {
        id: 'act',
        action: 'SILENCED',
        alert_id: null,
        silence_id: 's1',
        matchers: '[{"label":"tenant","values":["acme"]}]',
        silence_from: now,
        silence_until: now + 3_600_000,
        by: 'olga',
        why: 'a test of ours',
        at: now,
      },
    ]);
    happen();
    serve();
    await until(async () => (await alertsStored()) === 1);
    expect((await store.alerts({ rows_max: 1 }))[0]).toMatchObject({ fate: 'SILENCED', fate_detail: 's1' });
  });

  it('waits for a store that is down, is not ready then, and raises what it owes afterwards', async () => {
    let isDown = true;
    const failing: AlertStore = {
      ...store,
      actions: async (query) => {
        if (isDown) throw new Error('down');
        return store.actions(query);
      },
      insertAlerts: async (rows) => (isDown ? { kind: 'in_doubt', cause: new Error('down') } : store.insertAlerts(rows)),
    };
    const detector = serve({ openStore: async () => ({ alerts: failing, close: async () => undefined }) });
    happen();
    await detector.seen('detection waits');
    const ready = await detector.get('/readyz');
    expect(ready.status).toBe(503);
    expect(await ready.text()).toContain('the store of alerts was not reached yet');
    expect((await detector.get('/livez')).status).toBe(200);
    isDown = false;
    await until(async () => (await alertsStored()) === 1);
  });

  it('throws what keeps it from starting, after it closed what was open', async () => {
    let closed = false;
    const refused = serve({
      openLog: async () => {
        throw new EventLogError('log_unavailable', 'no broker of kafka:9092 answers; check KAFKA_BROKERS');
      },
      openStore: async () => ({
        alerts: store,
        close: async () => {
          closed = true;
        },
      }),
    });
    await expect(refused.served).rejects.toThrow('no broker of kafka:9092 answers');
    expect(closed).toBe(true);
  });

  it('refuses a folder for the state that is not there', async () => {
    const missing = serve({ config: { ...config, state_dir: join(folder, 'none') } });
    await expect(missing.served).rejects.toThrow(DataDirectoryError);
    await expect(missing.served).rejects.toThrow('set SEALTRAIL_DETECTOR_STATE_DIR');
  });

  it('ends by itself, and says why, where the kept state cannot be read', async () => {
    await writeFile(join(folder, 'detector-state.json'), '{"silences": [broken');
    await chmod(join(folder, 'detector-state.json'), 0o600);
    const { failure } = await serve().served;
    expect(failure).toMatchObject({ code: 'state_invalid' });
    expect(failure?.message).toContain('detector-state.json is not JSON');
    expect(failure?.message).not.toContain('broken');
  });
});
