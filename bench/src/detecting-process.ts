/** What `sealtrail up` is in one process: ledger, engine and detector on the log of a folder, and alerts to a webhook. FOLDER URL ALLOWANCE_MS */
import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { webhookNotifier } from '@sealtrail/alerting';
import { compile, loadRules, replaySpan_us } from '@sealtrail/detection';
import {
  ALERTS_TOPIC,
  alertStateFile,
  createAlertPipeline,
  createDetector,
  DETECTION_TIMES,
  DETECTOR_LIMITS,
  loadDetection,
  SHIPPED_RULES,
} from '@sealtrail/detector';
import { openLmdbEventLog } from '@sealtrail/event-log-lmdb';
import { ed25519Verify, sha256 as nodeSha256 } from '@sealtrail/merkle/node';
import { breathe, sleep, startTimer } from '@sealtrail/service-runtime';
import { openChdbStore } from '@sealtrail/store-chdb';
import { AUDIENCE, REGISTRY_TOPIC, TOPIC } from './batches.ts';
import { runLedger } from './run-ledger.ts';

/** How far the detector and the ledger have come. */
export interface FromDetecting {
  readonly evaluated_to: number;
  readonly sealed_to: number;
}

export const SINGLE_ACTION = 'bench.single';
export const BURST_ACTION = 'bench.burst';
const PROBES = `
title: Single
id: 0b6e5c0e-0000-4000-8000-000000000001
level: high
logsource: { product: sealtrail, category: audit }
detection:
  probe: { action: ${SINGLE_ACTION} }
  condition: probe
---
title: Member
id: 0b6e5c0e-0000-4000-8000-000000000002
name: bench_member
level: low
logsource: { product: sealtrail, category: audit }
detection:
  probe: { action: ${BURST_ACTION} }
  condition: probe
---
title: Burst
id: 0b6e5c0e-0000-4000-8000-000000000003
level: high
correlation: { type: event_count, rules: [bench_member], group-by: [resource_id], timespan: 10s, condition: { gte: 3 } }
`;
const TELL_EVERY_MS = 20;

async function main(folder: string, url: string, allowance_us: number): Promise<void> {
  const hash = nodeSha256();
  const sha256 = (bytes: Uint8Array): Uint8Array => hash.digest(bytes);
  const { files } = loadDetection({ rules: [SHIPPED_RULES], pipelines: [], overrides: null });
  const loaded = loadRules([...files, { file: 'probes', text: PROBES }], { sha256 });
  const compiled = compile(loaded, { sha256, ...DETECTION_TIMES, allowance_us });
  const [refused] = [...loaded.errors, ...compiled.errors];
  if (refused !== undefined) throw refused;

  const log = await openLmdbEventLog({ dir: join(folder, 'log'), clock_ms: Date.now, random: randomBytes });
  const store = await openChdbStore({ dir: join(folder, 'store') });
  let sealed_to = 0;
  let evaluated_to = 0;
  const ledger = runLedger(log, store, { onSealed: (to) => void (sealed_to = to) });
  const producer = await log.producer();
  const access = { fetch, clock_ms: Date.now, timers: { after: startTimer } };
  const disclosure = { shown_fields: ['*'] };
  const pipeline = await createAlertPipeline({
    store: store.alerts,
    producer,
    topic: ALERTS_TOPIC,
    notifiers: [webhookNotifier(access, { name: 'hook', url, secrets: [], format: 'sealtrail', source: 'urn:bench', disclosure })],
    // Every alert in the next message: it is the way that is measured, not the hygiene.
    hygiene: {
      routes: [
        {
          notifier: 'hook',
          grouping: { group_wait_ms: 0, group_interval_ms: 1, listed_max: 1_000 },
          rate_limit: { burst: 1_000_000, interval_ms: 1 },
        },
      ],
    },
    state: alertStateFile(join(folder, 'alerting-state.json')),
    sha256: hash,
    clock_ms: Date.now,
    random: Math.random,
    newId: randomUUID,
    timers: { after: startTimer },
    events: {
      raised: () => undefined,
      delivery: (event) => {
        if (event.kind !== 'delivered') fail(new Error(`delivery: ${event.kind}`));
      },
      failed: (cause) => fail(cause as Error),
    },
  });
  const stop = new AbortController();
  const settings = { audience: AUDIENCE, topic: TOPIC, registry_topic: REGISTRY_TOPIC, group: 'detector', incarnation: 1, partitions: 1 };
  const detector = createDetector({
    log,
    settings: { ...DETECTOR_LIMITS, ...settings },
    ports: {
      sha256: hash,
      verify: ed25519Verify(),
      rules: { ...compiled, replay_span_us: replaySpan_us(compiled.correlations) },
      sink: pipeline,
      clock_ms: Date.now,
      sleep,
      breathe,
      events: {
        started: () => undefined,
        evaluated: (_, { to }) => void (evaluated_to = to),
        rested: () => undefined,
        waiting: (_, what, cause) => fail(new Error(`${what}: ${cause.message}`, { cause })),
        lost: () => undefined,
      },
    },
  });
  const ended = detector.run(stop.signal);
  void ledger.failed.then(fail);
  const telling = setInterval(() => process.send?.({ evaluated_to, sealed_to } satisfies FromDetecting), TELL_EVERY_MS);
  process.once('message', () => {
    clearInterval(telling);
    stop.abort();
    void (async () => {
      await ended;
      await pipeline.stop();
      await ledger.stop();
      await producer.close();
      await store.close();
      await log.close();
      process.disconnect();
    })();
  });
}

function fail(cause: Error): void {
  console.error(cause);
  process.exit(1);
}

// The parent imports the names of the probes.
if (process.send !== undefined) {
  const [folder = '', url = '', allowance_ms = '0'] = process.argv.slice(2);
  await main(folder, url, Number(allowance_ms) * 1_000);
}
