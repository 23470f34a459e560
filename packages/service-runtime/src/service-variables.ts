/** What every service reads from its environment beside its connections: how it is watched, how it logs, how it ends. */
import { z } from 'zod';
import { LOG_LEVELS, type LogLevel } from './logger.ts';

/** A variable's whole number from `least` to `most`; `fallback` where it is not set. */
export const whole = (least: number, most: number, fallback: number): z.ZodType<number> =>
  z.coerce
    .number('is not a whole number')
    .int('is not a whole number')
    .min(least, `is less than ${least}`)
    .max(most, `is more than ${most}`)
    .default(fallback);

/** Three heartbeats. */
const SESSION_TIMEOUT_MS_MIN = 3_000;
/** How long a member of a consumer group may be silent until it is taken for dead. */
export const sessionTimeout_ms = (): z.ZodType<number> => whole(SESSION_TIMEOUT_MS_MIN, 1_800_000, 10_000);

export interface ServiceVariables {
  readonly SEALTRAIL_OPERATIONS_HOST: z.ZodType<string>;
  readonly SEALTRAIL_OPERATIONS_PORT: z.ZodType<number>;
  readonly SEALTRAIL_LOG_LEVEL: z.ZodType<LogLevel>;
  readonly SEALTRAIL_LOG_FORMAT: z.ZodType<'json' | 'text'>;
  readonly SEALTRAIL_SHUTDOWN_DEADLINE_MS: z.ZodType<number>;
}

export const serviceVariables = (operations_port: number): ServiceVariables => ({
  SEALTRAIL_OPERATIONS_HOST: z.string().default('0.0.0.0'),
  SEALTRAIL_OPERATIONS_PORT: whole(0, 65_535, operations_port),
  SEALTRAIL_LOG_LEVEL: z.enum(LOG_LEVELS, `is not one of ${LOG_LEVELS.join(' ')}`).default('info'),
  SEALTRAIL_LOG_FORMAT: z.enum(['json', 'text'], 'is not json or text').default('json'),
  SEALTRAIL_SHUTDOWN_DEADLINE_MS: whole(1_000, 600_000, 25_000),
});

export interface ServiceConfig {
  /** Where health and metrics are served. */
  readonly operations_host: string;
  /** 0 takes any free one. */
  readonly operations_port: number;
  readonly log_level: LogLevel;
  readonly log_format: 'json' | 'text';
  readonly shutdown_deadline_ms: number;
}

export const serviceConfig = (
  variables: { readonly [Name in keyof ServiceVariables]: z.output<ServiceVariables[Name]> },
): ServiceConfig => ({
  operations_host: variables.SEALTRAIL_OPERATIONS_HOST,
  operations_port: variables.SEALTRAIL_OPERATIONS_PORT,
  log_level: variables.SEALTRAIL_LOG_LEVEL,
  log_format: variables.SEALTRAIL_LOG_FORMAT,
  shutdown_deadline_ms: variables.SEALTRAIL_SHUTDOWN_DEADLINE_MS,
});
