import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { AlertStateStore } from '@sealtrail/alerting';
import type { DataDirectory } from '@sealtrail/data-directory';
import {
  ALERTS_TOPIC,
  type Alerting,
  type AlertPipeline,
  alertingFrom,
  alertLog,
  alertStateFile,
  createAlertPipeline,
  createDetector,
  DETECTION_TIMES,
  DETECTOR_LIMITS,
  type DetectionOptions,
  type DetectorSettings,
  detectorLog,
  followActions,
  type LoadedDetection,
  loadDetection,
  NO_ALERTING,
  raiseStoreAlerts,
  type StoreFinding,
} from '@sealtrail/detector';
import type { ConsumerEnd, EventLog } from '@sealtrail/event-log';
import { ed25519Verify, sha256 } from '@sealtrail/merkle/node';
import { breathe, type Logger, sleep, startTimer, ToldReasons } from '@sealtrail/service-runtime';
import { assertUnderstood } from '../detection/understood-rules.ts';
import type { Adapters, DeploymentStore } from './adapters.ts';
import { DetectionProgress } from './detection-progress.ts';

/** `stay`: beside a ledger, until it is stopped. `pass`: evaluates what the log has now to its end, and is stopped then. */
export type DetectionPace = 'stay' | 'pass';
const PACES: Readonly<Record<DetectionPace, Partial<DetectorSettings>>> = {
  // After a restart the ledger in this process is to seal at once; the detector takes a quarter of the thread to restore windows.
  stay: { replay_rest_ratio: 3 },
  // Event time goes past the last event at once: nobody waits for more of them.
  pass: { idle_lag_ms: -(DETECTION_TIMES.allowance_us / 1000 + 1), commit_interval_ms: 0, read_wait_ms: 50 },
};
const STATE_FILE = 'alerting-state.json';
const ALERTING_FILE = 'alerting.yml';
/** Between two looks at what people did about alerts elsewhere. */
const ACTIONS_POLL_MS = 5_000;

export interface DetectionContext {
  readonly directory: DataDirectory;
  /** On servers people act on alerts from elsewhere too. */
  readonly kind: Adapters['kind'];
  readonly store: DeploymentStore;
  readonly log: EventLog;
  readonly logger: Logger;
  readonly clock_ms: () => number;
  /** Consumer group. */
  readonly group: string;
  /** What goes first: the rules are read at once, and evaluated from then on. */
  readonly after: Promise<void>;
}

/** A detector that runs in this process. */
export interface DetectionRun {
  readonly pipeline: AlertPipeline;
  readonly progress: DetectionProgress;
  /** Of the rules that run. */
  readonly rule_ids: ReadonlySet<string>;
  /** The rules as they were read. */
  readonly rules: LoadedDetection;
  /** Applies what people did about alerts elsewhere. Throws LedgerStoreError. */
  lookAtActions(): Promise<void>;
  /** Raises the alerts of what a check of the store found. That it could not is told in the log. */
  tellFindings(findings: readonly StoreFinding[]): Promise<void>;
  readonly ended: Promise<ConsumerEnd>;
}

/** Who is told: the file that is named, else the directory's own where it has one. Throws AlertingError. */
export function alertingOf(directory: DataDirectory, file: string | null, clock_ms: () => number): Alerting {
  const own = join(directory.path, ALERTING_FILE);
  const path = file ?? (existsSync(own) ? own : null);
  if (path === null) return NO_ALERTING;
  return alertingFrom(path, directory.deployment.audience, clock_ms);
}

/** What hygiene knows, as a file of the data directory. */
export const stateFile = (directory: DataDirectory): AlertStateStore => alertStateFile(join(directory.path, STATE_FILE));

/** Starts a detector on the deployment's log. Throws UsageError for rules that are not understood, AlertingError. */
export async function startDetection(
  context: DetectionContext,
  rules: DetectionOptions,
  alerting: Alerting,
  stop: AbortSignal,
  pace: DetectionPace = 'stay',
): Promise<DetectionRun> {
  const { directory, store, log, logger, clock_ms, group } = context;
  const { deployment } = directory;
  const loaded = loadDetection(rules, deployment.partitions);
  assertUnderstood(loaded, rules.skip_refused === true);
  const hash = sha256();
  const producer = await log.producer();
  const pipeline = await createAlertPipeline({
    store: store.alerts,
    producer,
    topic: ALERTS_TOPIC,
    ...alerting,
    state: stateFile(directory),
    sha256: hash,
    clock_ms,
    random: Math.random,
    newId: randomUUID,
    timers: { after: startTimer },
    // Whoever waits for the end counts alerts, which may be many.
    events: pace === 'stay' ? alertLog(logger) : { ...alertLog(logger), raised: () => undefined },
  });
  const actions = followActions({
    store: store.alerts,
    hygiene: pipeline.hygiene,
    onUnusable: (cause) => logger.warn('an action about alerts cannot be applied', {}, cause),
  });
  const lookAtActions = async (): Promise<void> => {
    // A deployment in its folder is acted on through this process alone.
    if (context.kind === 'distributed' && (await actions.look(clock_ms()))) await pipeline.changed();
  };
  const progress = new DetectionProgress();
  const detector = createDetector({
    log,
    settings: {
      ...DETECTOR_LIMITS,
      ...PACES[pace],
      audience: deployment.audience,
      topic: deployment.topic,
      registry_topic: deployment.registry_topic,
      group,
      incarnation: deployment.incarnation,
      partitions: deployment.partitions,
    },
    ports: {
      sha256: hash,
      verify: ed25519Verify(),
      rules: loaded,
      sink: pipeline,
      clock_ms,
      sleep,
      breathe,
      events: progress.watching(detectorLog(logger, clock_ms)),
    },
  });
  const keepLooking = async (until: AbortSignal): Promise<void> => {
    const reasons = new ToldReasons(clock_ms);
    while (!until.aborted) {
      await lookAtActions().catch((error: unknown) => {
        if (reasons.isNews('actions', 'looking', error as Error)) logger.warn('the store of alerts cannot be reached', {}, error);
      });
      await sleep(ACTIONS_POLL_MS, until);
    }
  };
  const run = async (): Promise<ConsumerEnd> => {
    await context.after;
    // Before the first alert: what was silenced while nobody ran is silenced.
    await lookAtActions().catch(() => undefined); // the next look tells
    const over = new AbortController();
    const looking = context.kind === 'distributed' ? keepLooking(AbortSignal.any([stop, over.signal])) : null;
    const end = await detector.run(stop).finally(() => over.abort());
    await looking;
    await pipeline.stop();
    await producer.close();
    return end;
  };
  const ended = run();
  ended.then(
    (end) => progress.ended(end.kind === 'failed' ? end.cause : null),
    (error: unknown) => progress.ended(error as Error),
  );
  return {
    pipeline,
    progress,
    lookAtActions,
    rules: loaded,
    rule_ids: new Set(loaded.matcher.rules.map(({ id }) => id)),
    async tellFindings(findings) {
      const options = { rules: loaded, sha256: hash, sink: pipeline, store: store.alerts, checked_ms: clock_ms() };
      try {
        await raiseStoreAlerts(options, findings);
      } catch (error) {
        logger.error('what fsck found raised no alerts; run it again', {}, error);
      }
    },
    ended,
  };
}
