/** Canaries of the detector's own process: its readiness and its metrics. */
import { EventEmitter } from 'node:events';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { registrationRecord, type SigningKey } from '@sealtrail/data-directory';
import { createMemoryAlertStore } from '@sealtrail/ledger-store/memory';
import { ed25519PublicKey, ed25519Signer, sha256 } from '@sealtrail/merkle/node';
import { startTimer } from '@sealtrail/service-runtime';
import { CANARY_PRODUCER, keyThumbprint } from '@sealtrail/wire';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readDetectorConfig } from '../src/config.ts';
import { ALERTS_TOPIC, canaryTargets, loadDetection, NO_ALERTING } from '../src/index.ts';
import { serveDetector } from '../src/serve-detector.ts';
import { AUDIENCE, DetectorWorld, REGISTRY, TOPIC } from './world.ts';

const RULES = fileURLToPath(new URL('../../../rules/', import.meta.url));
const seed = new Uint8Array(32).fill(9);
const public_key = ed25519PublicKey(seed);
const key: SigningKey = { name: CANARY_PRODUCER, key_id: keyThumbprint(sha256(), public_key), public_key, sign: ed25519Signer(seed) };
const random = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes));

let folder: string;
const ends: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'canary-served-'));
});
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
  await rm(folder, { recursive: true });
});

interface Served {
  get(path: string): Promise<{ readonly status: number; readonly body: string }>;
  readonly lines: readonly Readonly<Record<string, unknown>>[];
}

async function serve(rule: string, canary_key: SigningKey | null): Promise<Served> {
  await copyFile(join(RULES, rule), join(folder, rule));
  const config = readDetectorConfig(
    {
      KAFKA_BROKERS: 'kafka:9092',
      CLICKHOUSE_URL: 'http://clickhouse:8123',
      SEALTRAIL_DEPLOYMENT_DIR: folder,
      SEALTRAIL_DETECTOR_RULES: join(folder, rule),
      SEALTRAIL_DETECTOR_CANARY_INTERVAL_MS: '1000',
      SEALTRAIL_DETECTOR_CANARY_BOUND_MS: '1000',
      SEALTRAIL_OPERATIONS_HOST: '127.0.0.1',
      SEALTRAIL_OPERATIONS_PORT: '0',
      SEALTRAIL_SHUTDOWN_DEADLINE_MS: '5000',
    },
    () => '',
  );
  const rules = loadDetection(config.rules);
  const world = new DetectorWorld(rules, 3);
  world.now_ms = Date.now();
  world.log.control.createTopics([{ topic: ALERTS_TOPIC, partitions: 1, cleanup_policy: 'delete' }]);
  const tenants = canaryTargets(3).map(({ tenant }) => tenant);
  world.log.control.put(REGISTRY, 0, {
    value: registrationRecord({ key_id: key.key_id, public_key, producer: CANARY_PRODUCER, tenants, valid_from: 0 }),
  });
  const lines: Record<string, unknown>[] = [];
  const signals = new EventEmitter();
  const served = serveDetector({
    config,
    deployment: {
      version: 1,
      audience: AUDIENCE,
      topic: TOPIC,
      registry_topic: REGISTRY,
      rejected_topic: 'audit.rejected',
      incarnation: 1,
      partitions: 3,
    },
    rules,
    alerting: NO_ALERTING,
    ...(canary_key === null ? {} : { canary_signing: { key: canary_key, random } }),
    openLog: async () => world.log.open(),
    openStore: async () => ({ alerts: createMemoryAlertStore(), close: async () => undefined }),
    signals,
    startTimer,
    clock_ms: Date.now,
    random: Math.random,
    newId: () => `id-${Math.random()}`,
    write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>),
  });
  ends.push(async () => {
    signals.emit('SIGTERM', 'SIGTERM');
    expect(await served).toMatchObject({ shutdown: { kind: 'clean' }, failure: null });
  });
  const get: Served['get'] = async (path) => {
    await until(() => lines.some(({ message }) => message === 'serving health and metrics'));
    const port = String(lines.find(({ message }) => message === 'serving health and metrics')?.['port']);
    const answer = await fetch(`http://127.0.0.1:${port}${path}`);
    return { status: answer.status, body: await answer.text() };
  };
  return { get, lines };
}
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 10));
}
const metric = (body: string, name: string): number =>
  Number(
    body
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.split(' ')[1] ?? Number.NaN,
  );

it('a detector with the rule sees its canaries, is ready, and counts them', async () => {
  const { get, lines } = await serve('canary.yml', key);
  await until(async () => metric((await get('/metrics')).body, 'sealtrail_detector_canaries_total{outcome="seen"}') >= 3);
  await until(async () => (await get('/readyz')).status === 200);
  expect(JSON.parse((await get('/readyz')).body)).toMatchObject({
    checks: expect.arrayContaining([{ name: 'canaries', result: { kind: 'ok' } }]),
  });
  const { body } = await get('/metrics');
  expect(metric(body, 'sealtrail_detector_canaries_failing_info')).toBe(0);
  expect(metric(body, 'sealtrail_detector_canary_seconds_count')).toBeGreaterThanOrEqual(3);
  // Their alerts are no news: nothing is logged of them, and they are not counted with the others.
  expect(lines.filter(({ message }) => message === 'alert raised')).toEqual([]);
  expect(body).not.toMatch(/sealtrail_detector_alerts_total\{[^}]*628f3c20/);
}, 60_000);

it('a detector without the rule is not ready, and says why', async () => {
  const { get, lines } = await serve('audit_tampering.yml', key);
  await until(() => lines.some(({ message }) => message === 'detection is red'));
  const { status, body } = await get('/readyz');
  expect(status).toBe(503);
  expect(body).toContain('the rules that run lack canary_seen');
  expect(metric((await get('/metrics')).body, 'sealtrail_detector_canaries_failing_info')).toBe(1);
}, 60_000);

it('a detector whose deployment has no key for canaries says so, and is ready without', async () => {
  const { get, lines } = await serve('canary.yml', null);
  await until(() => lines.some(({ message }) => String(message).startsWith('no canaries are sent')));
  await until(async () => (await get('/readyz')).status === 200);
}, 60_000);
