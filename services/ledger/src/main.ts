import { randomFillSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { openDataDirectory } from '@sealtrail/data-directory';
import { openKafkaEventLog } from '@sealtrail/event-log-kafka';
import { ConfigError, type Logger, startTimer } from '@sealtrail/service-runtime';
import { openClickHouseStore } from '@sealtrail/store-clickhouse';
import { type LedgerConfig, readLedgerConfig } from './config.ts';
import { serveLedger } from './serve-ledger.ts';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const EXIT_ENVIRONMENT = 3;
const clock_ms = Date.now;
const random = (bytes: number): Uint8Array => randomFillSync(new Uint8Array(bytes));

function configuration(): LedgerConfig {
  try {
    return readLedgerConfig(process.env, (path) => readFileSync(path, 'utf8'));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const line of error.lines()) process.stderr.write(`ledger: ${line}\n`);
    process.exit(EXIT_USAGE);
  }
}

async function main(): Promise<number> {
  const config = configuration();
  const directory = await openDataDirectory({ dir: config.deployment_dir });
  const { shutdown, failure } = await serveLedger({
    config,
    directory,
    openLog: (logger: Logger) =>
      openKafkaEventLog({
        client: { clientId: 'sealtrail-ledger', ...config.kafka },
        timings: { session_timeout_ms: config.session_timeout_ms },
        clock_ms,
        random,
        log: ({ level, message }) => logger[level](message, { component: 'kafka' }),
      }),
    openStore: () => openClickHouseStore(config.clickhouse),
    signals: process,
    startTimer,
    clock_ms,
    random,
    write: (line) => void process.stdout.write(line),
  });
  return failure === null && shutdown.kind === 'clean' ? 0 : EXIT_FAILED;
}

// Sockets of clients that were cut short must not keep a process that has ended.
process.exit(
  await main().catch((error: unknown) => {
    process.stderr.write(`ledger: ${error instanceof Error ? error.message : String(error)}\n`);
    return EXIT_ENVIRONMENT;
  }),
);
