import { describe, expect, it } from 'vitest';
import { DETECTOR_VARIABLES, readDetectorConfig, stateFileOf } from '../src/config.ts';
import { SHIPPED_RULES, STORED_PIPELINE } from '../src/index.ts';

const required = { KAFKA_BROKERS: 'kafka:9092', CLICKHOUSE_URL: 'http://clickhouse:8123', SEALTRAIL_DEPLOYMENT_DIR: '/deployment' };
const noFile = (): never => {
  throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
};

describe('readDetectorConfig', () => {
  it('needs the brokers, the server and the deployment, and has defaults for the rest', () => {
    const config = readDetectorConfig(required, noFile);
    expect(config).toMatchObject({
      kafka: { brokers: ['kafka:9092'] },
      clickhouse: { url: 'http://clickhouse:8123', database: 'sealtrail' },
      deployment_dir: '/deployment',
      group: 'detector',
      rules: { rules: [SHIPPED_RULES], pipelines: [STORED_PIPELINE], overrides: null, skip_refused: false },
      alerting_file: null,
      state_dir: '/deployment',
      replay_rest_ratio: 0,
      canaries: { interval_ms: 30_000, bound_ms: 10_000 },
      operations_port: 9_465,
      log_format: 'json',
    });
    expect(stateFileOf(config)).toBe('/deployment/detector-state.json');
  });

  it('takes several paths of rules and mappings, a folder for the state, and a rest that is no whole number', () => {
    const config = readDetectorConfig(
      {
        ...required,
        SEALTRAIL_DETECTOR_RULES: '/rules, /own/rules',
        SEALTRAIL_DETECTOR_PIPELINES: '/maps/a.yml,/maps/b.yml',
        SEALTRAIL_DETECTOR_SKIP_REFUSED: 'on',
        SEALTRAIL_DETECTOR_STATE_DIR: '/state',
        SEALTRAIL_DETECTOR_REPLAY_REST_RATIO: '0.5',
      },
      noFile,
    );
    expect(config.rules).toEqual({
      rules: ['/rules', '/own/rules'],
      pipelines: ['/maps/a.yml', '/maps/b.yml'],
      overrides: null,
      skip_refused: true,
    });
    expect(config).toMatchObject({ state_dir: '/state', replay_rest_ratio: 0.5 });
  });

  it('sends canaries as often as it is told, or none', () => {
    const read = (more: Readonly<Record<string, string>>) => readDetectorConfig({ ...required, ...more }, noFile).canaries;
    expect(read({ SEALTRAIL_DETECTOR_CANARY_INTERVAL_MS: '5000', SEALTRAIL_DETECTOR_CANARY_BOUND_MS: '2000' })).toEqual({
      interval_ms: 5_000,
      bound_ms: 2_000,
    });
    expect(read({ SEALTRAIL_DETECTOR_CANARIES: 'off', SEALTRAIL_DETECTOR_CANARY_INTERVAL_MS: '5000' })).toBeNull();
  });

  it('names everything that is missing at once', () => {
    expect(() => readDetectorConfig({}, noFile)).toThrow(
      'configuration: KAFKA_BROKERS is missing; CLICKHOUSE_URL is missing; SEALTRAIL_DEPLOYMENT_DIR is missing',
    );
  });

  it.each([
    ['SEALTRAIL_DETECTOR_GROUP', 'a group', 'is not a name of at most 240 of A–Z a–z 0–9 . _ -'],
    ['SEALTRAIL_DETECTOR_SESSION_TIMEOUT_MS', '10', 'is less than 3000'],
    ['SEALTRAIL_DETECTOR_RULES', '/rules,', 'is not a list of paths with commas between'],
    ['SEALTRAIL_DETECTOR_REPLAY_REST_RATIO', '-1', 'is less than 0'],
    ['SEALTRAIL_DETECTOR_REPLAY_REST_RATIO', 'much', 'is not a number'],
    ['SEALTRAIL_DETECTOR_CANARIES', 'yes', 'is not on or off'],
    ['SEALTRAIL_DETECTOR_CANARY_INTERVAL_MS', '10', 'is less than 1000'],
    ['SEALTRAIL_OPERATIONS_PORT', '70000', 'is more than 65535'],
    ['SEALTRAIL_LOG_LEVEL', 'loud', 'is not one of debug info warn error'],
    ['SEALTRAIL_DETECTOR_RULE', '/rules', 'is not known'],
    ['SEALTRAIL_LEDGER_GROUP', 'ledger', 'is not known'],
  ])('refuses %s=%s', (variable, value, problem) => {
    expect(() => readDetectorConfig({ ...required, [variable]: value }, noFile)).toThrow(`configuration: ${variable} ${problem}`);
  });

  it('reads each variable that it names', () => {
    expect(DETECTOR_VARIABLES).toContain('CLICKHOUSE_PASSWORD_FILE');
    expect(() => readDetectorConfig({ ...required, CLICKHOUSE_PASSWORD_FILE: '/run/secrets/none' }, noFile)).toThrow(
      'configuration: CLICKHOUSE_PASSWORD_FILE names a file that cannot be read (ENOENT)',
    );
  });
});
