import { DETECTOR_GROUP_VARIABLE } from '@sealtrail/detector/config';
import { LEDGER_GROUP_VARIABLE } from '@sealtrail/ledger/config';
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
  readonly groups: Groups;
}

/** Consumer groups of a deployment's services. */
export interface Groups {
  readonly ledger: string;
  readonly detector: string;
}

const GROUPS = z.object({ ...LEDGER_GROUP_VARIABLE, ...DETECTOR_GROUP_VARIABLE });
const VARIABLES = z.object({ ...KAFKA_VARIABLES, ...CLICKHOUSE_VARIABLES, ...GROUPS.shape });

const groupsOf = (variables: z.infer<typeof GROUPS>): Groups => ({
  ledger: variables.SEALTRAIL_LEDGER_GROUP,
  detector: variables.SEALTRAIL_DETECTOR_GROUP,
});
/** Those of a deployment in its data directory: nobody else is there to share them with. */
export const OWN_GROUPS: Groups = groupsOf(GROUPS.parse({}));

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
  return {
    kafka: kafkaConnection(variables, readFile),
    clickhouse: clickHouseConnection(variables, readFile),
    groups: groupsOf(variables),
  };
}
