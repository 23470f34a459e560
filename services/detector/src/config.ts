import { join } from 'node:path';
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
import { CANARY_DEFAULTS, type CanarySettings } from './canary.ts';
import { type DetectionOptions, SHIPPED_RULES, STORED_PIPELINE } from './rule-files.ts';

/** What the detector reads from its environment. docs/operations/detector.md lists the variables. */
export interface DetectorConfig extends ServiceConfig {
  readonly kafka: KafkaConnection;
  readonly clickhouse: ClickHouseConnection;
  /** The folder with deployment.json, which `sealtrail setup` made. No key of it is read but that of canaries. */
  readonly deployment_dir: string;
  readonly group: string;
  /** Of a member of the group: one that was silent for so long is taken for dead. */
  readonly session_timeout_ms: number;
  readonly rules: DetectionOptions;
  /** Who is told; null where nobody is. */
  readonly alerting_file: string | null;
  /** Folder of the file that holds what is known of alerts that were told. */
  readonly state_dir: string;
  /** How long a replay rests for the time that it works. */
  readonly replay_rest_ratio: number;
  /** Events that it sends to itself, to see that detection works; null for none. */
  readonly canaries: CanarySettings | null;
}

/** A comma may stand in no path. */
const paths = (fallback: string): z.ZodType<readonly string[]> =>
  z
    .string()
    .transform((list) => list.split(',').map((path) => path.trim()))
    .refine((list) => list.every((path) => path !== ''), 'is not a list of paths with commas between')
    .default([fallback]);

/** The consumer group. */
export const DETECTOR_GROUP_VARIABLE: { readonly SEALTRAIL_DETECTOR_GROUP: z.ZodDefault<z.ZodString> } = {
  SEALTRAIL_DETECTOR_GROUP: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,240}$/, 'is not a name of at most 240 of A–Z a–z 0–9 . _ -')
    .default('detector'),
};

const VARIABLES = z.object({
  ...KAFKA_VARIABLES,
  ...CLICKHOUSE_VARIABLES,
  SEALTRAIL_DEPLOYMENT_DIR: z.string(),
  ...DETECTOR_GROUP_VARIABLE,
  SEALTRAIL_DETECTOR_SESSION_TIMEOUT_MS: sessionTimeout_ms(),
  SEALTRAIL_DETECTOR_RULES: paths(SHIPPED_RULES),
  SEALTRAIL_DETECTOR_PIPELINES: paths(STORED_PIPELINE),
  SEALTRAIL_DETECTOR_OVERRIDES_FILE: z.string().optional(),
  SEALTRAIL_DETECTOR_SKIP_REFUSED: z.enum(['on', 'off'], 'is not on or off').default('off'),
  SEALTRAIL_DETECTOR_ALERTING_FILE: z.string().optional(),
  SEALTRAIL_DETECTOR_STATE_DIR: z.string().optional(),
  SEALTRAIL_DETECTOR_REPLAY_REST_RATIO: z.coerce.number('is not a number').min(0, 'is less than 0').max(100, 'is more than 100').default(0),
  SEALTRAIL_DETECTOR_CANARIES: z.enum(['on', 'off'], 'is not on or off').default('on'),
  SEALTRAIL_DETECTOR_CANARY_INTERVAL_MS: whole(1_000, 3_600_000, CANARY_DEFAULTS.interval_ms),
  SEALTRAIL_DETECTOR_CANARY_BOUND_MS: whole(1_000, 600_000, CANARY_DEFAULTS.bound_ms),
  ...serviceVariables(9_465),
});

/** Names of the variables that the detector reads. */
export const DETECTOR_VARIABLES: readonly string[] = Object.keys(VARIABLES.shape);

/** Not the file of `sealtrail up`, which the command line writes as well. */
const STATE_FILE = 'detector-state.json';
/** The file in the state's folder. */
export const stateFileOf = ({ state_dir }: Pick<DetectorConfig, 'state_dir'>): string => join(state_dir, STATE_FILE);

/** Throws ConfigError `config_invalid`, which names every wrong variable. */
export function readDetectorConfig(env: Readonly<Record<string, string | undefined>>, readFile: ReadFile): DetectorConfig {
  const variables = loadConfig(VARIABLES, env);
  return {
    kafka: kafkaConnection(variables, readFile),
    clickhouse: clickHouseConnection(variables, readFile),
    deployment_dir: variables.SEALTRAIL_DEPLOYMENT_DIR,
    group: variables.SEALTRAIL_DETECTOR_GROUP,
    session_timeout_ms: variables.SEALTRAIL_DETECTOR_SESSION_TIMEOUT_MS,
    rules: {
      rules: variables.SEALTRAIL_DETECTOR_RULES,
      pipelines: variables.SEALTRAIL_DETECTOR_PIPELINES,
      overrides: variables.SEALTRAIL_DETECTOR_OVERRIDES_FILE ?? null,
      skip_refused: variables.SEALTRAIL_DETECTOR_SKIP_REFUSED === 'on',
    },
    alerting_file: variables.SEALTRAIL_DETECTOR_ALERTING_FILE ?? null,
    state_dir: variables.SEALTRAIL_DETECTOR_STATE_DIR ?? variables.SEALTRAIL_DEPLOYMENT_DIR,
    replay_rest_ratio: variables.SEALTRAIL_DETECTOR_REPLAY_REST_RATIO,
    canaries:
      variables.SEALTRAIL_DETECTOR_CANARIES === 'off'
        ? null
        : { interval_ms: variables.SEALTRAIL_DETECTOR_CANARY_INTERVAL_MS, bound_ms: variables.SEALTRAIL_DETECTOR_CANARY_BOUND_MS },
    ...serviceConfig(variables),
  };
}
