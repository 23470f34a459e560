import { type DataDirectory, ledgerKey, sealerTo, sealingKey } from '@sealtrail/data-directory';
import {
  type Alerting,
  type CanaryRun,
  type CanarySettings,
  canaryLog,
  canaryTargets,
  type DetectionOptions,
  openCanaryKey,
  sendCanaries,
} from '@sealtrail/detector';
import type { EventLog } from '@sealtrail/event-log';
import { createLedger, EMBEDDED_LIMITS, type LedgerEnd, type LedgerSettings, ledgerLog } from '@sealtrail/ledger';
import { noteVerifierKey } from '@sealtrail/merkle';
import { ed25519Verify, sha256 } from '@sealtrail/merkle/node';
import { breathe, createLogger, sleep, tellAll } from '@sealtrail/service-runtime';
import type { Operations } from '../control/operations.ts';
import type { Adapters } from './adapters.ts';
import { alertingOf, type DetectionPace, type DetectionRun, startDetection } from './detection.ts';
import { createOperations } from './operations.ts';
import { SealProgress } from './seal-progress.ts';
import { ensureTopics } from './topics.ts';

export interface StackOptions {
  readonly adapters: Adapters;
  readonly directory: DataDirectory;
  readonly clock_ms: () => number;
  readonly random: (bytes: number) => Uint8Array;
  /** Takes log lines, without their line break. */
  readonly onEvent: (line: string) => void;
}

/** The embedded deployment of one data directory, open in this process. */
export interface Stack {
  readonly operations: Operations;
  /** Other processes append to the same log through handles of their own. */
  readonly log: EventLog;
  /** Seals until `stop` aborts; at most one at a time. */
  startLedger(stop: AbortSignal): Promise<LedgerEnd>;
  /** Evaluates rules until `stop` aborts; at most one at a time. Throws UsageError, AlertingError. */
  startDetection(rules: DetectionOptions, alerting: Alerting, stop: AbortSignal, pace?: DetectionPace): Promise<DetectionRun>;
  /**
   * Sends canaries through the detector that runs here, until `stop` aborts; from the moment on at which the ledger has taken
   * up its partition. Null where their key was revoked.
   */
  startCanaries(run: DetectionRun, settings: CanarySettings, stop: AbortSignal): Promise<CanaryRun | null>;
  roundsSealed(): number;
  close(): Promise<void>;
}

/** Throws the errors of the directory, the log and the store. */
export async function openStack(options: StackOptions): Promise<Stack> {
  const { directory, adapters, clock_ms, random } = options;
  const { deployment } = directory;
  const hash = sha256();
  const signing = await ledgerKey(directory, random);
  const sealBytes = await sealerTo(await sealingKey(directory));
  // The store first: it is what only one process may have open.
  const store = await adapters.openStore(directory);
  let log: EventLog;
  try {
    log = await adapters.openLog(directory);
    await ensureTopics(log, deployment);
  } catch (error) {
    await store.close();
    throw error;
  }
  const progress = new SealProgress();
  const logger = createLogger({ write: (line) => options.onEvent(line.replace(/\n$/, '')), clock_ms, format: 'text' });
  const settings: LedgerSettings = {
    ...EMBEDDED_LIMITS,
    audience: deployment.audience,
    topic: deployment.topic,
    registry_topic: deployment.registry_topic,
    rejected_topic: deployment.rejected_topic,
    group: adapters.groups.ledger,
    incarnation: deployment.incarnation,
    partitions: deployment.partitions,
  };
  const ledger = createLedger({
    log,
    settings,
    ports: {
      store,
      sha256: hash,
      verify: ed25519Verify(),
      random,
      clock_ms,
      sleep,
      breathe,
      sealBytes,
      checkpointSigner: (origin) => ({ key: noteVerifierKey(hash, origin, signing.public_key), sign: signing.sign }),
      events: tellAll([ledgerLog(logger, clock_ms), progress.events]),
    },
  });
  const startLedger = (stop: AbortSignal): Promise<LedgerEnd> => {
    const ended = ledger.run(stop);
    ended.then(
      (end) => progress.ended(end.kind === 'failed' ? end.cause : null),
      (error: unknown) => progress.ended(error as Error),
    );
    progress.started();
    return ended;
  };
  let detection: DetectionRun | null = null;
  const detect = async (rules: DetectionOptions, alerting: Alerting, stop: AbortSignal, pace?: DetectionPace): Promise<DetectionRun> => {
    const run = await startDetection(
      { directory, kind: adapters.kind, store, log, logger, clock_ms, group: adapters.groups.detector, after: progress.tookUp },
      rules,
      alerting,
      stop,
      pace,
    );
    detection = run;
    const over = (): void => void (detection = null);
    run.ended.then(over, over);
    return run;
  };
  let canaries: CanaryRun | null = null;
  const sendThem = async ({ rule_ids }: DetectionRun, settings: CanarySettings, stop: AbortSignal): Promise<CanaryRun | null> => {
    const targets = canaryTargets(deployment.partitions);
    const key = await openCanaryKey({ directory, log, targets, sha256: hash, random, clock_ms });
    if (key === null) return null;
    await Promise.race([progress.tookUp, aborted(stop)]);
    const run = await sendCanaries({ log, deployment, key, settings, rule_ids, clock_ms, random, logger, events: canaryLog(logger) }, stop);
    canaries = run;
    const over = (): void => void (canaries = null);
    stop.addEventListener('abort', over, { once: true });
    return run;
  };
  const alerting = (): Alerting => alertingOf(directory, null, clock_ms);
  return {
    log,
    startLedger,
    startDetection: detect,
    startCanaries: sendThem,
    roundsSealed: () => progress.rounds,
    operations: createOperations({
      directory,
      kind: adapters.kind,
      store,
      log,
      progress,
      clock_ms,
      signing,
      group: adapters.groups.ledger,
      startLedger,
      alerting,
      detection: () => detection,
      canaries: () => canaries,
    }),
    async close() {
      await Promise.all([store.close(), log.close()]);
    },
  };
}

const aborted = (stop: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (stop.aborted) resolve();
    else stop.addEventListener('abort', () => resolve(), { once: true });
  });
