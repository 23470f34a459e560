import {
  CLICKHOUSE_VARIABLES,
  type ClickHouseConnection,
  clickHouseConnection,
  KAFKA_VARIABLES,
  type KafkaConnection,
  kafkaConnection,
  loadConfig,
  type ReadFile,
  type ServiceConfig,
  serviceConfig,
  serviceVariables,
  sessionTimeout_ms,
  whole,
} from '@sealtrail/service-runtime';
import { z } from 'zod';
import { DEFAULT_LIMITS, type LedgerSettings } from './ports.ts';

/** What the ledger reads from its environment. docs/operations/ledger.md lists the variables. */
export interface LedgerConfig extends ServiceConfig {
  readonly kafka: KafkaConnection;
  readonly clickhouse: ClickHouseConnection;
  /** The folder with deployment.json and the ledger's keys, which `sealtrail setup` made. */
  readonly deployment_dir: string;
  readonly group: string;
  /** Of a member of the group: one that was silent for so long loses its partitions. */
  readonly session_timeout_ms: number;
  readonly limits: Pick<LedgerSettings, 'round_records_max' | 'round_bytes_max' | 'recovery_rounds' | 'tenants_cached_max' | 'era'>;
}

/** The consumer group, by which commands find how far the ledgers are. */
export const LEDGER_GROUP_VARIABLE: { readonly SEALTRAIL_LEDGER_GROUP: z.ZodDefault<z.ZodString> } = {
  SEALTRAIL_LEDGER_GROUP: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,249}$/, 'is not a name of A–Z a–z 0–9 . _ -')
    .default('ledger'),
};

const VARIABLES = z.object({
  ...KAFKA_VARIABLES,
  ...CLICKHOUSE_VARIABLES,
  SEALTRAIL_DEPLOYMENT_DIR: z.string(),
  ...LEDGER_GROUP_VARIABLE,
  SEALTRAIL_LEDGER_SESSION_TIMEOUT_MS: sessionTimeout_ms(),
  SEALTRAIL_LEDGER_ROUND_RECORDS_MAX: whole(1, 10_000, DEFAULT_LIMITS.round_records_max),
  SEALTRAIL_LEDGER_ROUND_BYTES_MAX: whole(524_288, 67_108_864, DEFAULT_LIMITS.round_bytes_max),
  SEALTRAIL_LEDGER_RECOVERY_ROUNDS: whole(1, 10_000, DEFAULT_LIMITS.recovery_rounds),
  SEALTRAIL_LEDGER_TENANTS_CACHED_MAX: whole(1, 10_000_000, DEFAULT_LIMITS.tenants_cached_max),
  SEALTRAIL_LEDGER_ERA: z.enum(['current', 'new'], 'is not current or new').default('current'),
  ...serviceVariables(9_464),
});

/** Names of the variables that the ledger reads. */
export const LEDGER_VARIABLES: readonly string[] = Object.keys(VARIABLES.shape);

/** Throws ConfigError `config_invalid`, which names every wrong variable. */
export function readLedgerConfig(env: Readonly<Record<string, string | undefined>>, readFile: ReadFile): LedgerConfig {
  const variables = loadConfig(VARIABLES, env);
  return {
    kafka: kafkaConnection(variables, readFile),
    clickhouse: clickHouseConnection(variables, readFile),
    deployment_dir: variables.SEALTRAIL_DEPLOYMENT_DIR,
    group: variables.SEALTRAIL_LEDGER_GROUP,
    session_timeout_ms: variables.SEALTRAIL_LEDGER_SESSION_TIMEOUT_MS,
    limits: {
      round_records_max: variables.SEALTRAIL_LEDGER_ROUND_RECORDS_MAX,
      round_bytes_max: variables.SEALTRAIL_LEDGER_ROUND_BYTES_MAX,
      recovery_rounds: variables.SEALTRAIL_LEDGER_RECOVERY_ROUNDS,
      tenants_cached_max: variables.SEALTRAIL_LEDGER_TENANTS_CACHED_MAX,
      era: variables.SEALTRAIL_LEDGER_ERA,
    },
    ...serviceConfig(variables),
  };
}
