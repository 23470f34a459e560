/** What every service of the product runs in: its log, health, metrics, the server of both, and an end in order. */
import { createHealth, type Health } from './health.ts';
import { createLogger, type Logger, type LoggerOptions } from './logger.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { startOperationsServer } from './operations-server.ts';
import type { ServiceConfig } from './service-variables.ts';
import { createShutdown, type Shutdown, type ShutdownOutcome, type SignalSource, type StartTimer } from './shutdown.ts';

const CHECK_TIMEOUT_MS = 5_000;

export interface ServeOptions {
  /** What it is called in its log and its health. */
  readonly name: string;
  readonly config: ServiceConfig;
  /** Errors whose messages may be logged. */
  readonly trusted_errors: NonNullable<LoggerOptions['trusted_errors']>;
  readonly signals: SignalSource;
  readonly startTimer: StartTimer;
  readonly clock_ms: () => number;
  readonly write: (line: string) => void;
}

/** How the work of a service ended. */
export interface ServiceEnd {
  readonly kind: string;
  /** Set where it ended by itself, and is to be started again. */
  readonly cause?: Error;
}

export interface ServiceFrame {
  readonly logger: Logger;
  readonly health: Health;
  readonly metrics: Metrics;
  readonly shutdown: Shutdown;
  /** Watches the work: from its end on the service is not live, and where it failed the service ends too. */
  follow(work: Promise<ServiceEnd>): void;
}

export interface Served {
  readonly shutdown: ShutdownOutcome;
  /** Set where the service ended by itself: a supervisor starts it again. */
  readonly failure: Error | null;
}

/**
 * Runs a service until a signal comes or it cannot go on. `prepare` adds checks and metrics, and gives what starts the work
 * once they are served. Throws what starting throws, and the errors of the operations server.
 */
export async function serve(options: ServeOptions, prepare: (frame: ServiceFrame) => () => Promise<void>): Promise<Served> {
  const { name, config, startTimer, clock_ms, trusted_errors, write } = options;
  const { log_level: level, log_format: format } = config;
  const logger = createLogger({ write, clock_ms, level, format, trusted_errors }).with({ service: name });
  const shutdown = createShutdown({
    signals: options.signals,
    deadline_ms: config.shutdown_deadline_ms,
    startTimer,
    onStep: (step) => logger.info('stopping', { step }),
  });
  const metrics = createMetrics({ process_metrics: true });
  const health = createHealth({ check_timeout_ms: CHECK_TIMEOUT_MS, startTimer });
  let ended: ServiceEnd | null = null;
  let failure: Error | null = null;
  health.add({ name, probe: 'live', check: () => (ended === null ? { kind: 'ok' } : { kind: 'failing', reason: ended.kind }) });

  const end = (how: ServiceEnd): void => {
    ended = how;
    if (how.cause === undefined) return;
    failure = how.cause;
    logger.error(`the ${name} cannot go on; a supervisor starts it again`, {}, how.cause);
    void shutdown.begin(`the ${name} failed`);
  };
  const start = prepare({
    logger,
    health,
    metrics,
    shutdown,
    follow: (work) => void work.then(end, (cause: Error) => end({ kind: 'failed', cause })),
  });

  const operations = await startOperationsServer({ host: config.operations_host, port: config.operations_port, health, metrics });
  shutdown.add('operations server', () => operations.close());
  logger.info('serving health and metrics', { port: operations.port });

  start().catch((error: unknown) => {
    failure = error as Error;
    void shutdown.begin('start failed');
  });
  const outcome = await shutdown.done;
  const cause: unknown = failure;
  if (cause !== null && ended === null) throw cause;
  return { shutdown: outcome, failure };
}
