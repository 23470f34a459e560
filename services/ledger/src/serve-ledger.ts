import { type DataDirectory, loadLedgerKey, loadSealingKey, sealerTo } from '@sealtrail/data-directory';
import { type EventLog, EventLogError } from '@sealtrail/event-log';
import { type LedgerStore, LedgerStoreError } from '@sealtrail/ledger-store';
import { noteVerifierKey } from '@sealtrail/merkle';
import { ed25519Verify, sha256 } from '@sealtrail/merkle/node';
import { breathe, type Logger, type Served, type SignalSource, type StartTimer, serve, sleep, tellAll } from '@sealtrail/service-runtime';
import type { LedgerConfig } from './config.ts';
import { createLedger } from './ledger.ts';
import { ledgerLog } from './ledger-log.ts';
import { ledgerMetrics } from './ledger-metrics.ts';
import { watchPartitions } from './partition-watch.ts';
import { DEFAULT_LIMITS } from './ports.ts';

/** Between two looks at the log's ends, for the metrics of lag and age. */
const WATCH_MS = 5_000;
/** How long ago the log may have been reached last, for readiness. */
const REACHED_MS_MAX = 20_000;

export interface ServeLedgerOptions {
  readonly config: LedgerConfig;
  readonly directory: DataDirectory;
  readonly openLog: (logger: Logger) => Promise<EventLog>;
  readonly openStore: () => Promise<LedgerStore>;
  readonly signals: SignalSource;
  readonly startTimer: StartTimer;
  readonly clock_ms: () => number;
  readonly random: (bytes: number) => Uint8Array;
  readonly write: (line: string) => void;
}

/**
 * Runs a ledger with its health, metrics and logs until a signal comes or it cannot go on. Throws the errors of the
 * directory, the log, the store and the operations server when it cannot start.
 */
export function serveLedger(options: ServeLedgerOptions): Promise<Served> {
  const { config, directory, clock_ms } = options;
  const { deployment } = directory;
  return serve({ ...options, name: 'ledger', trusted_errors: [EventLogError, LedgerStoreError] }, (frame) => {
    const { logger, metrics, health, shutdown } = frame;
    const watch = watchPartitions(metrics, clock_ms);
    health.add({ name: 'event_log', probe: 'ready', check: () => watch.reached(REACHED_MS_MAX) });
    health.add({ name: 'partitions', probe: 'ready', check: watch.halts });
    health.add({ name: 'progress', probe: 'ready', check: watch.waits });
    return start;

    async function start(): Promise<void> {
      const signing = await loadLedgerKey(directory);
      const sealBytes = await sealerTo(await loadSealingKey(directory));
      const store = await options.openStore();
      shutdown.add('store', () => store.close());
      const log = await options.openLog(logger);
      shutdown.add('event log', () => log.close());
      const reader = await log.reader();
      const hash = sha256();
      const ledger = createLedger({
        log,
        settings: {
          ...DEFAULT_LIMITS,
          ...config.limits,
          audience: deployment.audience,
          topic: deployment.topic,
          registry_topic: deployment.registry_topic,
          rejected_topic: deployment.rejected_topic,
          group: config.group,
          incarnation: deployment.incarnation,
          partitions: deployment.partitions,
        },
        ports: {
          store,
          sha256: hash,
          verify: ed25519Verify(),
          random: options.random,
          clock_ms,
          sleep,
          breathe,
          sealBytes,
          checkpointSigner: (origin) => ({ key: noteVerifierKey(hash, origin, signing.public_key), sign: signing.sign }),
          events: tellAll([ledgerLog(logger, clock_ms), ledgerMetrics(metrics), watch.events]),
        },
      });
      const stopped = new AbortController();
      const watching = follow(AbortSignal.any([shutdown.begun, stopped.signal]));
      const running = ledger.run(shutdown.begun);
      shutdown.add('ledger', async () => {
        await running.catch(() => undefined);
        stopped.abort();
        await watching;
        await reader.close();
      });
      logger.info('the ledger runs', { topic: deployment.topic, group: config.group });
      frame.follow(running);

      async function follow(stop: AbortSignal): Promise<void> {
        while (!stop.aborted) {
          try {
            await watch.look(reader);
          } catch (error) {
            logger.warn('the log cannot be reached', {}, error);
          }
          await sleep(WATCH_MS, stop);
        }
      }
    }
  });
}
