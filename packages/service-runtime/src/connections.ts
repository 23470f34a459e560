import { z } from 'zod';
import { ConfigError } from './config.ts';

/** Reads a secret's or a certificate's file as text; throws what the file system throws. */
export type ReadFile = (path: string) => string;

type Mechanism = 'plain' | 'scram-sha-256' | 'scram-sha-512';

const flag: z.ZodType<boolean> = z
  .enum(['true', 'false'], 'is not true or false')
  .default('false')
  .transform((value) => value === 'true');
const text: z.ZodType<string | undefined> = z.string().optional();

const BROKER = /^[^\s:,]+:\d{1,5}$|^\[[0-9a-fA-F:]+\]:\d{1,5}$/;
const brokers: z.ZodType<readonly string[]> = z
  .string()
  .transform((list) => list.split(',').map((broker) => broker.trim()))
  .refine((list) => list.every((broker) => BROKER.test(broker)), 'is not a list host:port,host:port');

/** Variables that name the Kafka cluster. */
export const KAFKA_VARIABLES: {
  readonly KAFKA_BROKERS: z.ZodType<readonly string[]>;
  readonly KAFKA_TLS: z.ZodType<boolean>;
  readonly KAFKA_TLS_CA_FILE: z.ZodType<string | undefined>;
  readonly KAFKA_SASL_MECHANISM: z.ZodType<Mechanism | undefined>;
  readonly KAFKA_SASL_USERNAME: z.ZodType<string | undefined>;
  readonly KAFKA_SASL_PASSWORD_FILE: z.ZodType<string | undefined>;
} = {
  KAFKA_BROKERS: brokers,
  KAFKA_TLS: flag,
  KAFKA_TLS_CA_FILE: text,
  KAFKA_SASL_MECHANISM: z.enum(['plain', 'scram-sha-256', 'scram-sha-512'], 'is not one of plain scram-sha-256 scram-sha-512').optional(),
  KAFKA_SASL_USERNAME: text,
  KAFKA_SASL_PASSWORD_FILE: text,
};

/** Variables that name the ClickHouse server. */
export const CLICKHOUSE_VARIABLES: {
  readonly CLICKHOUSE_URL: z.ZodType<string>;
  readonly CLICKHOUSE_DATABASE: z.ZodType<string>;
  readonly CLICKHOUSE_USERNAME: z.ZodType<string>;
  readonly CLICKHOUSE_PASSWORD_FILE: z.ZodType<string | undefined>;
  readonly CLICKHOUSE_CLUSTER: z.ZodType<string | undefined>;
} = {
  CLICKHOUSE_URL: z
    .url({ protocol: /^https?$/, error: 'is not an http or https address' })
    .refine((url) => !/^[a-z]+:\/\/[^/]*@/i.test(url), 'carries a user or password; use CLICKHOUSE_USERNAME and CLICKHOUSE_PASSWORD_FILE'),
  CLICKHOUSE_DATABASE: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'is not a name of letters, digits and _')
    .default('sealtrail'),
  CLICKHOUSE_USERNAME: z.string().default('default'),
  CLICKHOUSE_PASSWORD_FILE: text,
  CLICKHOUSE_CLUSTER: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{1,64}$/, 'is not the name of a cluster')
    .optional(),
};

export type KafkaVariables = { readonly [K in keyof typeof KAFKA_VARIABLES]: z.output<(typeof KAFKA_VARIABLES)[K]> };
export type ClickHouseVariables = { readonly [K in keyof typeof CLICKHOUSE_VARIABLES]: z.output<(typeof CLICKHOUSE_VARIABLES)[K]> };

/** As the Kafka adapter's client takes it. */
export interface KafkaConnection {
  readonly brokers: string[];
  /** True for TLS by the system's certificates; with a `ca` (PEM) by that one; false for none. */
  readonly ssl: boolean | { readonly ca: string[] };
  readonly sasl?: { [M in Mechanism]: { readonly mechanism: M; readonly username: string; readonly password: string } }[Mechanism];
}

/** As the ClickHouse adapter takes it. */
export interface ClickHouseConnection {
  readonly url: string;
  readonly database: string;
  readonly username: string;
  readonly password: string;
  /** Set where the replicas of a cluster hold the tables. */
  readonly replicated?: { readonly cluster: string };
}

/** Throws ConfigError `config_invalid` for what does not fit together and for files that cannot be read. */
export function kafkaConnection(variables: KafkaVariables, readFile: ReadFile): KafkaConnection {
  const { KAFKA_SASL_MECHANISM: mechanism, KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD_FILE: passwordFile } = variables;
  const caFile = variables.KAFKA_TLS_CA_FILE;
  if (caFile !== undefined && !variables.KAFKA_TLS) {
    throw new ConfigError([{ variable: 'KAFKA_TLS_CA_FILE', problem: 'is set and KAFKA_TLS is not true' }]);
  }
  const given = [mechanism, username, passwordFile].filter((value) => value !== undefined).length;
  if (given !== 0 && given !== 3) {
    throw new ConfigError([
      { variable: 'KAFKA_SASL_MECHANISM', problem: 'KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD_FILE are set together or not at all' },
    ]);
  }
  return {
    brokers: [...variables.KAFKA_BROKERS],
    ssl: caFile === undefined ? variables.KAFKA_TLS : { ca: [fileText('KAFKA_TLS_CA_FILE', caFile, readFile)] },
    ...(mechanism === undefined || username === undefined || passwordFile === undefined
      ? {}
      : { sasl: { mechanism, username, password: secretText('KAFKA_SASL_PASSWORD_FILE', passwordFile, readFile) } }),
  };
}

/** Throws ConfigError `config_invalid` for files that cannot be read. */
export function clickHouseConnection(variables: ClickHouseVariables, readFile: ReadFile): ClickHouseConnection {
  const passwordFile = variables.CLICKHOUSE_PASSWORD_FILE;
  return {
    url: variables.CLICKHOUSE_URL,
    database: variables.CLICKHOUSE_DATABASE,
    username: variables.CLICKHOUSE_USERNAME,
    password: passwordFile === undefined ? '' : secretText('CLICKHOUSE_PASSWORD_FILE', passwordFile, readFile),
    ...(variables.CLICKHOUSE_CLUSTER === undefined ? {} : { replicated: { cluster: variables.CLICKHOUSE_CLUSTER } }),
  };
}

/** A secret's file ends in a line break as often as not. */
const secretText = (variable: string, path: string, readFile: ReadFile): string => fileText(variable, path, readFile).replace(/\r?\n$/, '');

function fileText(variable: string, path: string, readFile: ReadFile): string {
  try {
    return readFile(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new ConfigError([{ variable, problem: `names a file that cannot be read (${code})` }]);
  }
}
