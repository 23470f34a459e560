import {
  CLICKHOUSE_VARIABLES,
  type ClickHouseConnection,
  ConfigError,
  clickHouseConnection,
  KAFKA_VARIABLES,
  type KafkaConnection,
  kafkaConnection,
  loadConfig,
  type ReadFile,
} from '@sealtrail/service-runtime';
import { z } from 'zod';

/** Servers that a deployment runs on. */
export interface Servers {
  readonly kafka: KafkaConnection;
  readonly clickhouse: ClickHouseConnection;
}

const VARIABLES = z.object({ ...KAFKA_VARIABLES, ...CLICKHOUSE_VARIABLES });

/**
 * Kafka and ClickHouse as the environment names them; null where it names neither, and the deployment lies in the data
 * directory. One without the other is a mistake: half of a deployment would be looked for in the wrong place.
 * Throws ConfigError `config_invalid`.
 */
export function readServers(env: Readonly<Record<string, string | undefined>>, readFile: ReadFile): Servers | null {
  const isSet = (name: string): boolean => (env[name] ?? '') !== '';
  if (!isSet('KAFKA_BROKERS') && !isSet('CLICKHOUSE_URL')) return null;
  for (const [set, missing] of [
    ['KAFKA_BROKERS', 'CLICKHOUSE_URL'],
    ['CLICKHOUSE_URL', 'KAFKA_BROKERS'],
  ] as const) {
    if (isSet(set) && !isSet(missing)) {
      throw new ConfigError([{ variable: missing, problem: `is missing while ${set} is set; set both, or neither for --data alone` }]);
    }
  }
  // Variables of the services may stand beside these; only theirs are read here.
  const own = Object.fromEntries(Object.keys(VARIABLES.shape).map((name) => [name, env[name]]));
  const variables = loadConfig(VARIABLES, own);
  return { kafka: kafkaConnection(variables, readFile), clickhouse: clickHouseConnection(variables, readFile) };
}
