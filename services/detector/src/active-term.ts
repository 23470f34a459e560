import type { AlertStateStore, Timers } from '@sealtrail/alerting';
import type { Deployment } from '@sealtrail/data-directory';
import { type Assignment, type EventLog, EventLogError } from '@sealtrail/event-log';
import type { AlertStore } from '@sealtrail/ledger-store';
import { ed25519Verify, sha256 } from '@sealtrail/merkle/node';
import { breathe, sleep } from '@sealtrail/service-runtime';
import { ALERTS_TOPIC, type AlertPipeline, type AlertPipelineEvents, createAlertPipeline } from './alert-pipeline.ts';
import type { Alerting } from './alerting-file.ts';
import { createDetector } from './detector.ts';
import { followActions } from './follow-actions.ts';
import { DETECTOR_LIMITS, type DetectionRules, type DetectorEvents } from './ports.ts';

/** Between two looks at what was queued elsewhere: dead letters that somebody sends again. */
const RESUME_MS = 30_000;

export interface ActiveTermOptions {
  readonly log: EventLog;
  readonly store: AlertStore;
  readonly deployment: Deployment;
  readonly group: string;
  readonly replay_rest_ratio: number;
  readonly rules: DetectionRules;
  readonly alerting: Alerting;
  /** What hygiene knows: read when the term begins, and written by nobody else while it lasts. */
  readonly state: AlertStateStore;
  readonly clock_ms: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  readonly newId: () => string;
  readonly timers: Timers;
  readonly events: { readonly detector: DetectorEvents; readonly alerts: AlertPipelineEvents };
  /** An action of somebody that cannot be applied. */
  readonly onUnusableAction: (cause: Error) => void;
}

/** What runs while this instance is the active one. */
export interface ActiveTerm {
  readonly pipeline: AlertPipeline;
  /** Applies what people did about alerts since the last look, and takes up what they queued. Throws LedgerStoreError. */
  look(): Promise<void>;
  /** Evaluates and alerts until the assignment is lost; rejects with what keeps it from going on. */
  run(): Promise<void>;
}

/** Opens a term. Throws AlertingError for a state that cannot be read, and the log's errors. */
export async function openTerm(options: ActiveTermOptions, held: Assignment): Promise<ActiveTerm> {
  const { log, deployment, clock_ms } = options;
  const hash = sha256();
  const producer = await log.producer();
  const pipeline = await createAlertPipeline({
    store: options.store,
    producer,
    topic: ALERTS_TOPIC,
    ...options.alerting,
    state: heldState(options.state, held),
    sha256: hash,
    clock_ms,
    random: options.random,
    newId: options.newId,
    timers: options.timers,
    events: options.events.alerts,
  });
  const detector = createDetector({
    log,
    settings: {
      ...DETECTOR_LIMITS,
      replay_rest_ratio: options.replay_rest_ratio,
      audience: deployment.audience,
      topic: deployment.topic,
      registry_topic: deployment.registry_topic,
      group: options.group,
      incarnation: deployment.incarnation,
      partitions: deployment.partitions,
    },
    ports: {
      sha256: hash,
      verify: ed25519Verify(),
      rules: options.rules,
      sink: pipeline,
      clock_ms,
      sleep,
      breathe,
      events: options.events.detector,
    },
  });
  const actions = followActions({ store: options.store, hygiene: pipeline.hygiene, onUnusable: options.onUnusableAction });
  let resumed_ms = clock_ms();
  return {
    pipeline,
    async look() {
      if (await actions.look(clock_ms())) await pipeline.changed();
      if (clock_ms() - resumed_ms < RESUME_MS) return;
      resumed_ms = clock_ms();
      pipeline.dispatcher.start();
    },
    async run() {
      const end = await detector.run(held.lost);
      await pipeline.stop();
      await producer.close();
      if (end.kind === 'failed') throw end.cause;
    },
  };
}

/** Asks the log before it writes: an instance that was cut off must not overwrite what its successor keeps. */
const heldState = (state: AlertStateStore, held: Assignment): AlertStateStore => ({
  load: () => state.load(),
  async save(text) {
    if (!(await held.holds())) {
      throw new EventLogError('log_unavailable', 'this instance is no longer the active one: the state of alerts is not written');
    }
    await state.save(text);
  },
});
