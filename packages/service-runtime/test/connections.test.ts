import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { CLICKHOUSE_VARIABLES, ConfigError, clickHouseConnection, KAFKA_VARIABLES, kafkaConnection, loadConfig } from '../src/index.ts';

const files: Record<string, string> = { '/run/password': 'pa55\n', '/run/ca.pem': 'CERTIFICATE\n' };
const readFile = (path: string): string => {
  const text = files[path];
  if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
  return text;
};
const kafka = (env: Record<string, string>) => kafkaConnection(loadConfig(z.object(KAFKA_VARIABLES), env), readFile);
const clickHouse = (env: Record<string, string>) => clickHouseConnection(loadConfig(z.object(CLICKHOUSE_VARIABLES), env), readFile);

function refusalOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message;
  }
  throw new Error('was not refused');
}

describe('the connection to Kafka', () => {
  it('takes a list of brokers and nothing else', () => {
    expect(kafka({ KAFKA_BROKERS: 'a.example:9092, [::1]:9093' })).toEqual({
      brokers: ['a.example:9092', '[::1]:9093'],
      ssl: false,
    });
  });

  it('takes TLS with an own certificate and SASL with the password from a file', () => {
    const env = {
      KAFKA_BROKERS: 'a:1',
      KAFKA_TLS: 'true',
      KAFKA_TLS_CA_FILE: '/run/ca.pem',
      KAFKA_SASL_MECHANISM: 'scram-sha-512',
      KAFKA_SASL_USERNAME: 'ledger',
      KAFKA_SASL_PASSWORD_FILE: '/run/password',
    };
    expect(kafka(env)).toEqual({
      brokers: ['a:1'],
      ssl: { ca: ['CERTIFICATE\n'] },
      sasl: { mechanism: 'scram-sha-512', username: 'ledger', password: 'pa55' },
    });
  });

  it.each([
    [{ KAFKA_BROKERS: 'a' }, 'KAFKA_BROKERS is not a list host:port,host:port'],
    [{}, 'KAFKA_BROKERS is missing'],
    [{ KAFKA_BROKERS: 'a:1', KAFKA_TLS: 'yes' }, 'KAFKA_TLS is not true or false'],
    [{ KAFKA_BROKERS: 'a:1', KAFKA_TLS_CA_FILE: '/run/ca.pem' }, 'KAFKA_TLS_CA_FILE is set and KAFKA_TLS is not true'],
    [{ KAFKA_BROKERS: 'a:1', KAFKA_SASL_USERNAME: 'x' }, 'are set together or not at all'],
    [
      { KAFKA_BROKERS: 'a:1', KAFKA_TLS: 'true', KAFKA_TLS_CA_FILE: '/nowhere' },
      'KAFKA_TLS_CA_FILE names a file that cannot be read (ENOENT)',
    ],
  ])('refuses %j', (env, message) => {
    expect(refusalOf(() => kafka(env as Record<string, string>))).toContain(message);
  });
});

describe('the connection to ClickHouse', () => {
  it('has defaults for all but the address', () => {
    expect(clickHouse({ CLICKHOUSE_URL: 'http://clickhouse:8123' })).toEqual({
      url: 'http://clickhouse:8123',
      database: 'sealtrail',
      username: 'default',
      password: '',
    });
  });

  it('names the cluster whose replicas hold the tables', () => {
    expect(clickHouse({ CLICKHOUSE_URL: 'http://c:1', CLICKHOUSE_CLUSTER: 'main' }).replicated).toEqual({ cluster: 'main' });
  });

  it.each([
    [{ CLICKHOUSE_URL: 'clickhouse:8123' }, 'CLICKHOUSE_URL is not an http or https address'],
    [{ CLICKHOUSE_URL: 'http://me:hunter2@clickhouse:8123' }, 'carries a user or password'],
    [{ CLICKHOUSE_URL: 'http://c:1', CLICKHOUSE_DATABASE: 'a-b' }, 'CLICKHOUSE_DATABASE is not a name'],
  ])('refuses %j without repeating it', (env, message) => {
    const refusal = refusalOf(() => clickHouse(env as Record<string, string>));
    expect(refusal).toContain(message);
    expect(refusal).not.toContain('hunter2');
  });
});
