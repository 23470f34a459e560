import { describe, expect, it } from 'vitest';
import { LEDGER_VARIABLES, readLedgerConfig } from '../src/config.ts';

const required = { KAFKA_BROKERS: 'kafka:9092', CLICKHOUSE_URL: 'http://clickhouse:8123', SEALTRAIL_DEPLOYMENT_DIR: '/deployment' };
const noFile = (): never => {
  throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
};

describe('readLedgerConfig', () => {
  it('needs the brokers, the server and the deployment, and has defaults for the rest', () => {
    const config = readLedgerConfig(required, noFile);
    expect(config).toMatchObject({
      kafka: { brokers: ['kafka:9092'] },
      clickhouse: { url: 'http://clickhouse:8123', database: 'sealtrail' },
      deployment_dir: '/deployment',
      group: 'ledger',
      session_timeout_ms: 10_000,
      limits: { round_records_max: 384, era: 'current' },
      operations_port: 9_464,
      log_format: 'json',
    });
  });

  it('names everything that is missing at once', () => {
    expect(() => readLedgerConfig({}, noFile)).toThrow(
      'configuration: KAFKA_BROKERS is missing; CLICKHOUSE_URL is missing; SEALTRAIL_DEPLOYMENT_DIR is missing',
    );
  });

  it.each([
    ['SEALTRAIL_LEDGER_ROUND_RECORDS_MAX', '0', 'is less than 1'],
    ['SEALTRAIL_LEDGER_ROUND_RECORDS_MAX', 'many', 'is not a whole number'],
    ['SEALTRAIL_LEDGER_SESSION_TIMEOUT_MS', '2999', 'is less than 3000'],
    ['SEALTRAIL_LEDGER_ERA', 'next', 'is not current or new'],
    ['SEALTRAIL_OPERATIONS_PORT', '70000', 'is more than 65535'],
    ['SEALTRAIL_LOG_LEVEL', 'loud', 'is not one of debug info warn error'],
    ['SEALTRAIL_LEDGER_GROUPE', 'ledger', 'is not known'],
  ])('refuses %s=%s', (variable, value, problem) => {
    expect(() => readLedgerConfig({ ...required, [variable]: value }, noFile)).toThrow(`configuration: ${variable} ${problem}`);
  });

  it('reads each variable that it names', () => {
    expect(LEDGER_VARIABLES).toContain('CLICKHOUSE_PASSWORD_FILE');
    expect(() => readLedgerConfig({ ...required, CLICKHOUSE_PASSWORD_FILE: '/run/secrets/none' }, noFile)).toThrow(
      'configuration: CLICKHOUSE_PASSWORD_FILE names a file that cannot be read (ENOENT)',
    );
  });
});
