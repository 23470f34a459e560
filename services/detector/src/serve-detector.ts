import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { AlertingError } from '@sealtrail/alerting';
import { DataDirectoryError, type Deployment, type SigningKey } from '@sealtrail/data-directory';
import { type EventLog, EventLogError } from '@sealtrail/event-log';
import { type AlertStore, LedgerStoreError } from '@sealtrail/ledger-store';
import {
  type Logger,
  lastReached,
  type Served,
  type SignalSource,
  type StartTimer,
  serve,
  sleep,
  ToldReasons,
  tellAll,
} from '@sealtrail/service-runtime';
import { runWhileActive } from './active-instance.ts';
import { type ActiveTerm, openTerm } from './active-term.ts';
import { ALERTS_TOPIC } from './alert-pipeline.ts';
import type { Alerting } from './alerting-file.ts';
import { canaryLog, canaryMetrics, sendCanaries } from './canaries.ts';
import type { CanaryRun } from './canary-run.ts';
import { type DetectorConfig, stateFileOf } from './config.ts';
import { alertLog, detectorLog } from './detector-log.ts';
import { alertMetrics, detectorMetrics, queueMetrics } from './detector-metrics.ts';
import { alertStateFile } from './kept-state.ts';
import { watchPartitions } from './partition-watch.ts';
import type { LoadedDetection } from './rule-files.ts';

/** Between two looks at the log's ends and at what people did about alerts. */
const WATCH_MS = 5_000;
/** How long ago the log and the store of alerts may have been reached last, for readiness. */
const REACHED_MS_MAX = 20_000;
/** How long a partition may wait for something, for readiness. */
const WAITED_MS_MAX = 30_000;

export interface ServeDetectorOptions {
  readonly config: DetectorConfig;
  readonly deployment: Deployment;
  readonly rules: LoadedDetection;
  readonly alerting: Alerting;
  readonly openLog: (logger: Logger) => Promise<EventLog>;
  readonly openStore: () => Promise<{ readonly alerts: AlertStore; close(): Promise<void> }>;
  readonly signals: SignalSource;
  readonly startTimer: StartTimer;
  readonly clock_ms: () => number;
  /** What canaries are signed by, and random bytes for them; absent where the deployment has no key for them. */
  readonly canary_signing?: { readonly key: SigningKey; readonly random: (bytes: number) => Uint8Array } | null;
  /** In [0, 1). */
  readonly random: () => number;
  readonly newId: () => string;
  readonly write: (line: string) => void;
}

/**
 * Runs a detector with its health, metrics and logs until a signal comes or it cannot go on; where another instance is the
 * active one it stands by. Throws the errors of the log, the store, the state's folder and the operations server when it
 * cannot start.
 */
export function serveDetector(options: ServeDetectorOptions): Promise<Served> {
  const { config, deployment, rules, clock_ms } = options;
  const trusted_errors = [EventLogError, LedgerStoreError, AlertingError, DataDirectoryError];
  return serve({ ...options, name: 'detector', trusted_errors }, (frame) => {
    const { logger, metrics, health, shutdown } = frame;
    const watch = watchPartitions(metrics, clock_ms);
    const queues = queueMetrics(metrics, clock_ms);
    const active = metrics.gauge({ name: 'detector_active_info', help: '1 for the active instance, 0 for one that stands by.' });
    active.set(0);
    const reachedLog = lastReached('the log', clock_ms);
    const reachedStore = lastReached('the store of alerts', clock_ms);
    health.add({ name: 'event_log', probe: 'ready', check: () => reachedLog.check(REACHED_MS_MAX) });
    health.add({ name: 'alert_store', probe: 'ready', check: () => reachedStore.check(REACHED_MS_MAX) });
    health.add({ name: 'partitions', probe: 'ready', check: () => watch.waits(WAITED_MS_MAX) });
    return start;

    async function start(): Promise<void> {
      await assertWritable(config.state_dir);
      const store = await options.openStore();
      shutdown.add('store', () => store.close());
      const log = await options.openLog(logger);
      shutdown.add('event log', () => log.close());
      const reader = await log.reader();
      const levels = new Map(rules.matcher.rules.map(({ id, level }) => [id, level]));
      const events = {
        detector: tellAll([detectorLog(logger, clock_ms), detectorMetrics(metrics, (rule) => levels.get(rule) ?? ''), watch.events]),
        alerts: tellAll([alertLog(logger), alertMetrics(metrics)]),
      };
      let term: ActiveTerm | null = null;
      const stopped = new AbortController();
      const canaries = await canariesOn(log);
      const watching = Promise.all([
        follow('the log cannot be reached', async () => {
          await reader.bounds(ALERTS_TOPIC, 0);
          await watch.look(reader);
          reachedLog.reached();
        }),
        follow('the store of alerts cannot be reached', async () => {
          if (term === null) await store.alerts.actions({ rows_max: 1 });
          else await term.look();
          if (term !== null) queues.look(term.pipeline);
          reachedStore.reached();
        }),
      ]);
      const whileActive = async (held: Parameters<Parameters<typeof runWhileActive>[0]['whileActive']>[0]): Promise<void> => {
        logger.info('this instance is the active one');
        active.set(1);
        const opened = await openTerm({ ...options, ...termSettings, log, store: store.alerts, events, onUnusableAction }, held);
        term = opened;
        // Before the first alert: what was silenced while nobody ran is silenced.
        await opened.look().catch((error: unknown) => logger.warn('the store of alerts cannot be reached', {}, error));
        try {
          await opened.run();
        } finally {
          term = null;
          queues.forget();
          active.set(0);
          logger.info('this instance is no longer the active one');
        }
      };
      const termSettings = {
        group: config.group,
        replay_rest_ratio: config.replay_rest_ratio,
        state: alertStateFile(stateFileOf(config)),
        timers: { after: options.startTimer },
      };
      const onUnusableAction = (cause: Error): void => logger.warn('an action about alerts cannot be applied', {}, cause);
      const running = runWhileActive({ log, group: config.group, whileActive }, shutdown.begun);
      shutdown.add('detector', async () => {
        await running.catch(() => undefined);
        stopped.abort();
        await watching;
        await canaries?.ended.catch(() => undefined); // health has told
        await reader.close();
      });
      for (const { message } of rules.left_out) logger.warn('a rule is left out', { reason: message });
      logger.info('the detector waits to be the active instance', { topic: deployment.topic, group: config.group });
      frame.follow(running);

      const reasons = new ToldReasons(clock_ms);
      /** Each instance sends its own, the active one or not: they go through whichever detects. */
      async function canariesOn(log: EventLog): Promise<CanaryRun | null> {
        const { canary_signing } = options;
        if (config.canaries === null) return null;
        if (canary_signing === undefined || canary_signing === null) {
          logger.warn('no canaries are sent: the deployment has no key for them; run `sealtrail setup` on it again');
          return null;
        }
        const tell = tellAll([canaryLog(logger), canaryMetrics(metrics)]);
        const rule_ids = new Set(rules.matcher.rules.map(({ id }) => id));
        const sending = { ...canary_signing, log, deployment, settings: config.canaries, rule_ids, clock_ms, logger, events: tell };
        const run = await sendCanaries(sending, shutdown.begun);
        health.add({ name: 'canaries', probe: 'ready', check: run.health });
        return run;
      }
      async function follow(failed: string, look: () => Promise<void>): Promise<void> {
        const stop = AbortSignal.any([shutdown.begun, stopped.signal]);
        while (!stop.aborted) {
          try {
            await look();
            reasons.goesOn(failed);
          } catch (error) {
            if (reasons.isNews(failed, '', error as Error)) logger.warn(failed, {}, error);
          }
          await sleep(WATCH_MS, stop);
        }
      }
    }
  });
}

/** Found out at once, and not when the first alert is to be kept. */
async function assertWritable(folder: string): Promise<void> {
  try {
    await access(folder, constants.W_OK);
  } catch (error) {
    throw new DataDirectoryError(
      'directory_unwritable',
      `cannot write in ${folder} (${(error as NodeJS.ErrnoException).code}); set SEALTRAIL_DETECTOR_STATE_DIR to a folder that the detector may write in`,
      { cause: error },
    );
  }
}
