import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ConfigError, loadConfig } from '../src/index.ts';

const schema = z.object({
  SEALTRAIL_PORT: z.coerce.number().int().min(0).max(65_535).default(9_090),
  SEALTRAIL_LOG_LEVEL: z.enum(['debug', 'info']).default('info'),
  SEALTRAIL_SECRET: z
    .string()
    .regex(/^[a-f0-9]{64}$/)
    .optional(),
  KAFKA_BROKERS: z.string(),
});

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    loadConfig(schema, env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).code).toBe('config_invalid');
    expect((error as ConfigError).message).not.toContain('\n');
    return (error as ConfigError).lines();
  }
  throw new Error('was not refused');
}

describe('loadConfig', () => {
  it('reads, coerces and fills in what is unset or empty', () => {
    const config = loadConfig(schema, { SEALTRAIL_PORT: '80', SEALTRAIL_LOG_LEVEL: '', KAFKA_BROKERS: 'a:1', PATH: '/bin' });
    expect(config).toEqual({ SEALTRAIL_PORT: 80, SEALTRAIL_LOG_LEVEL: 'info', KAFKA_BROKERS: 'a:1' });
  });

  it('names every wrong variable, a line each, without its value', () => {
    const lines = problemsOf({
      SEALTRAIL_PORT: 'http',
      SEALTRAIL_LOG_LEVEL: 'loud',
      SEALTRAIL_SECRET: 'hunter2',
      SEALTRAIL_LOGLEVEL: 'debug',
    });
    expect(lines.map((line) => line.split(':')[0])).toEqual([
      'SEALTRAIL_LOGLEVEL',
      'SEALTRAIL_PORT',
      'SEALTRAIL_LOG_LEVEL',
      'SEALTRAIL_SECRET',
      'KAFKA_BROKERS',
    ]);
    expect(lines.at(-1)).toBe('KAFKA_BROKERS: is missing');
    expect(lines.join()).not.toMatch(/hunter2|loud|http/);
    for (const line of lines) expect(line).not.toContain('\n');
  });

  it('refuses an unknown SEALTRAIL_ variable even when all else is right', () => {
    expect(problemsOf({ KAFKA_BROKERS: 'a:1', SEALTRAIL_PROT: '1' })).toEqual([
      'SEALTRAIL_PROT: is not known; known: SEALTRAIL_PORT SEALTRAIL_LOG_LEVEL SEALTRAIL_SECRET KAFKA_BROKERS',
    ]);
  });
});
