import { describe, expect, it } from 'vitest';
import { OWN_GROUPS, readServers } from '../src/config.ts';

const noFile = (): never => {
  throw new Error('no file');
};

describe('readServers', () => {
  it('finds none where none is named, whatever else is set', () => {
    expect(readServers({ SEALTRAIL_LOG_LEVEL: 'debug', KAFKA_BROKERS: '' }, noFile)).toBeNull();
  });

  it('finds both', () => {
    const servers = readServers({ KAFKA_BROKERS: 'kafka:9092', CLICKHOUSE_URL: 'http://clickhouse:8123', SEALTRAIL_X: '1' }, noFile);
    expect(servers).toMatchObject({ kafka: { brokers: ['kafka:9092'] }, clickhouse: { url: 'http://clickhouse:8123' } });
  });

  it('asks in the groups of the services, by their variables', () => {
    const both = { KAFKA_BROKERS: 'kafka:9092', CLICKHOUSE_URL: 'http://clickhouse:8123' };
    expect(readServers(both, noFile)?.groups).toEqual(OWN_GROUPS);
    expect(readServers({ ...both, SEALTRAIL_LEDGER_GROUP: 'seal', SEALTRAIL_DETECTOR_GROUP: 'detect' }, noFile)?.groups).toEqual({
      ledger: 'seal',
      detector: 'detect',
    });
    expect(() => readServers({ ...both, SEALTRAIL_LEDGER_GROUP: 'two words' }, noFile)).toThrow('SEALTRAIL_LEDGER_GROUP is not a name');
  });

  it.each([
    [{ KAFKA_BROKERS: 'kafka:9092' }, 'CLICKHOUSE_URL is missing while KAFKA_BROKERS is set'],
    [{ CLICKHOUSE_URL: 'http://clickhouse:8123' }, 'KAFKA_BROKERS is missing while CLICKHOUSE_URL is set'],
    [{ KAFKA_BROKERS: 'kafka', CLICKHOUSE_URL: 'http://clickhouse:8123' }, 'KAFKA_BROKERS is not a list'],
  ])('refuses %j', (env, message) => {
    expect(() => readServers(env, noFile)).toThrow(message);
  });
});
