import { randomFillSync, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { AlertingError } from '@sealtrail/alerting';
import { type DataDirectory, DataDirectoryError, loadProducerKey, openDataDirectory, type SigningKey } from '@sealtrail/data-directory';
import { openKafkaEventLog } from '@sealtrail/event-log-kafka';
import { ConfigError, type Logger, startTimer } from '@sealtrail/service-runtime';
import { openClickHouseStore } from '@sealtrail/store-clickhouse';
import { CANARY_PRODUCER } from '@sealtrail/wire';
import { type Alerting, alertingFrom, NO_ALERTING } from './alerting-file.ts';
import { type DetectorConfig, readDetectorConfig } from './config.ts';
import { type LoadedDetection, loadDetection, RuleFileError } from './rule-files.ts';
import { serveDetector } from './serve-detector.ts';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const EXIT_ENVIRONMENT = 3;
const clock_ms = Date.now;
const random = (bytes: number): Uint8Array => randomFillSync(new Uint8Array(bytes));

/** Ends the process: what was given has to be mended first. */
function refuse(lines: readonly string[]): never {
  for (const line of lines) process.stderr.write(`detector: ${line}\n`);
  process.exit(EXIT_USAGE);
}

/** What `read` gives; where it throws one of `classes` its lines are told, and the process ends. */
function given<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof ConfigError) refuse(error.lines());
    if (error instanceof RuleFileError || error instanceof AlertingError) refuse([error.message]);
    throw error;
  }
}

const configuration = (): DetectorConfig => given(() => readDetectorConfig(process.env, (path) => readFileSync(path, 'utf8')));

/** A rule that is not understood keeps the detector from starting: it would be missed when it is needed. */
function rulesOf(config: DetectorConfig, partitions: number): LoadedDetection {
  const loaded = given(() => loadDetection(config.rules, partitions));
  if (loaded.errors.length > 0) refuse(loaded.errors.map(({ message }) => message));
  return loaded;
}

const alertingOf = ({ alerting_file }: DetectorConfig, audience: string): Alerting =>
  alerting_file === null ? NO_ALERTING : given(() => alertingFrom(alerting_file, audience, clock_ms));

/** Null where the deployment was set up without one. */
async function canaryKeyOf(directory: DataDirectory): Promise<SigningKey | null> {
  try {
    return await loadProducerKey(directory, CANARY_PRODUCER);
  } catch (error) {
    if (error instanceof DataDirectoryError && error.code === 'key_missing') return null;
    throw error;
  }
}

async function main(): Promise<number> {
  const config = configuration();
  const directory = await openDataDirectory({ dir: config.deployment_dir });
  const { deployment } = directory;
  const rules = rulesOf(config, deployment.partitions);
  const key = config.canaries === null ? null : await canaryKeyOf(directory);
  const { shutdown, failure } = await serveDetector({
    config,
    deployment,
    rules,
    alerting: alertingOf(config, deployment.audience),
    canary_signing: key === null ? null : { key, random },
    openLog: (logger: Logger) =>
      openKafkaEventLog({
        client: { clientId: 'sealtrail-detector', ...config.kafka },
        timings: { session_timeout_ms: config.session_timeout_ms },
        clock_ms,
        random,
        log: ({ level, message }) => logger[level](message, { component: 'kafka' }),
      }),
    openStore: () => openClickHouseStore(config.clickhouse),
    signals: process,
    startTimer,
    clock_ms,
    random: Math.random,
    newId: randomUUID,
    write: (line) => void process.stdout.write(line),
  });
  return failure === null && shutdown.kind === 'clean' ? 0 : EXIT_FAILED;
}

// Sockets of clients that were cut short must not keep a process that has ended.
process.exit(
  await main().catch((error: unknown) => {
    process.stderr.write(`detector: ${error instanceof Error ? error.message : String(error)}\n`);
    return EXIT_ENVIRONMENT;
  }),
);
