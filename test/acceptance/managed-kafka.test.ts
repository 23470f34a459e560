/** docs/operations/managed.md, done: its topics by hand, its rights and no others, on a broker with TLS, SASL and ACLs. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type ChdbHttpProcess, forkClickHouse } from '@sealtrail/chdb-http';
import { loadProducerKey, openDataDirectory } from '@sealtrail/data-directory';
import { createEmitter } from '@sealtrail/emitter';
import { openKafkaEventLog } from '@sealtrail/event-log-kafka';
import { systemActor } from '@sealtrail/identity';
import kafkajs from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it, onTestFailed } from 'vitest';
import { type Broker, freePort, startBroker } from '../../scripts/kafka/broker.ts';
import { canStartBroker } from '../../scripts/kafka/test-broker.ts';
import { CLI, type Ended, end, remove, root, start, temporaryFolder } from './cli.ts';
import { LedgerProcess } from './ledger-process.ts';

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, Kafka, ResourcePatternTypes } = kafkajs;
const PAGE = readFileSync(join(root, 'docs/operations/managed.md'), 'utf8');
const PARTITIONS = 2;
const EVENTS = 500;
const WHO = ['ledger', 'service', 'detector', 'operator'] as const;
type Who = (typeof WHO)[number];
const STORE_PASSWORD = 'store password';
const passwordOf = (who: string): string => `the password of ${who}`;

/** Cells of the page's table rows that have so many. */
const rows = (cells: number): readonly (readonly string[])[] =>
  PAGE.split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
    .filter((row) => row.length === cells);
const quoted = (cell: string): readonly string[] => Array.from(cell.matchAll(/`([^`]+)`/g), ([, text]) => text as string);

interface Right {
  readonly who: Who;
  readonly kind: 'topic' | 'group';
  readonly name: string;
  readonly operations: readonly (keyof typeof AclOperationTypes)[];
}
const rights: readonly Right[] = rows(3).flatMap(([who = '', resource = '', operations = '']) => {
  const [, kind, name] = /^(topic|group) `([^`]+)`$/.exec(resource) ?? [];
  if (kind === undefined || name === undefined) return [];
  return [{ who: quoted(who)[0] as Who, kind: kind as 'topic' | 'group', name, operations: operations.split(', ') as Right['operations'] }];
});
const topics = rows(3)
  .filter(([, partitions = '']) => /^(?:1|that of)/.test(partitions))
  .map(([name = '', partitions = '', settings = '']) => ({
    topic: quoted(name)[0] as string,
    numPartitions: partitions === '1' ? 1 : PARTITIONS,
    configEntries: quoted(settings).map((setting) => {
      const [key = '', value = ''] = setting.split('=');
      return { name: key, value };
    }),
  }));

const has_broker = await canStartBroker('the rights that a managed Kafka wants');

describe.skipIf(!has_broker)('topics made by hand, and the rights of the page', () => {
  const folder = temporaryFolder('managed');
  const data = join(folder, 'deployment');
  let broker: Broker;
  let front: ChdbHttpProcess;
  let secured = '';
  let ledger: LedgerProcess | null = null;
  let detector: LedgerProcess | null = null;

  beforeAll(async () => {
    const store = ['-keystore', join(folder, 'broker.p12'), '-storetype', 'PKCS12', '-storepass', STORE_PASSWORD, '-alias', 'broker'];
    const certificate = [
      '-dname',
      'CN=localhost',
      '-ext',
      'SAN=IP:127.0.0.1',
      '-keyalg',
      'EC',
      '-groupname',
      'secp256r1',
      '-validity',
      '2',
    ];
    await promisify(execFile)('keytool', ['-genkeypair', ...store, ...certificate]);
    await promisify(execFile)('keytool', ['-exportcert', '-rfc', ...store, '-file', join(folder, 'ca.pem')]);
    mkdirSync(join(folder, 'secrets'));
    for (const who of [...WHO, 'clickhouse']) writeFileSync(join(folder, 'secrets', who), `${passwordOf(who)}\n`);

    const [port, secured_port] = [await freePort(), await freePort()];
    secured = `127.0.0.1:${secured_port}`;
    const users = WHO.map((who) => `user_${who}="${passwordOf(who)}"`).join(' ');
    broker = await startBroker({
      dir: join(folder, 'broker'),
      port,
      properties: {
        listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${port + 1},SECURED://${secured}`,
        'advertised.listeners': `PLAINTEXT://127.0.0.1:${port},SECURED://${secured}`,
        'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_SSL',
        'listener.name.secured.sasl.enabled.mechanisms': 'PLAIN',
        'listener.name.secured.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required ${users};`,
        'ssl.keystore.type': 'PKCS12',
        'ssl.keystore.location': join(folder, 'broker.p12'),
        'ssl.keystore.password': STORE_PASSWORD,
        'ssl.key.password': STORE_PASSWORD,
        // Nobody may do anything that is not granted; the plain listener is the provider's own.
        'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        'super.users': 'User:ANONYMOUS',
      },
    });
    front = await forkClickHouse({
      dir: join(folder, 'clickhouse'),
      users: [{ username: 'sealtrail', password: passwordOf('clickhouse') }],
    });

    const admin = new Kafka({ brokers: [broker.address], logLevel: 0 }).admin();
    await admin.connect();
    await admin.createTopics({ topics: topics.map((topic) => ({ ...topic, replicationFactor: 1 })) });
    const kinds = { topic: AclResourceTypes.TOPIC, group: AclResourceTypes.GROUP };
    await admin.createAcls({
      acl: rights.flatMap(({ who, kind, name, operations }) =>
        operations.map((operation) => ({
          resourceType: kinds[kind],
          resourceName: name,
          resourcePatternType: ResourcePatternTypes.LITERAL,
          principal: `User:${who}`,
          host: '*',
          operation: AclOperationTypes[operation],
          permissionType: AclPermissionTypes.ALLOW,
        })),
      ),
    });
    await admin.disconnect();
  });
  afterAll(async () => {
    await Promise.all([ledger?.kill(), detector?.kill()]);
    await front?.kill();
    await broker?.stop();
    remove(folder);
  });

  const envOf = (who: Who): NodeJS.ProcessEnv => ({
    KAFKA_BROKERS: secured,
    KAFKA_TLS: 'true',
    KAFKA_TLS_CA_FILE: join(folder, 'ca.pem'),
    KAFKA_SASL_MECHANISM: 'plain',
    KAFKA_SASL_USERNAME: who,
    KAFKA_SASL_PASSWORD_FILE: join(folder, 'secrets', who),
    CLICKHOUSE_URL: front.url,
    CLICKHOUSE_DATABASE: 'audit_trail',
    CLICKHOUSE_USERNAME: 'sealtrail',
    CLICKHOUSE_PASSWORD_FILE: join(folder, 'secrets', 'clickhouse'),
  });
  const asOperator = (...args: readonly string[]): Promise<Ended> =>
    end(start(CLI, [...args, '--data', data, '--json'], envOf('operator')));
  const ledgerAs = (who: Who): LedgerProcess =>
    new LedgerProcess(`ledger as ${who}`, {
      ...envOf(who),
      SEALTRAIL_DEPLOYMENT_DIR: data,
      SEALTRAIL_OPERATIONS_HOST: '127.0.0.1',
      SEALTRAIL_OPERATIONS_PORT: '0',
      SEALTRAIL_LOG_LEVEL: 'debug',
    });

  it('are read from the page', () => {
    expect(topics.map(({ topic }) => topic)).toEqual(['audit.events', 'audit.registry', 'audit.rejected', 'audit.alerts']);
    expect(new Set(rights.map(({ who }) => who))).toEqual(new Set(WHO));
  });

  it('are enough for setup, keys, a service, a ledger, sql and fsck', async () => {
    onTestFailed(() => console.error(ledger?.transcript()));
    for (const args of [
      ['setup', '--audience', 'test.managed', '--partitions', String(PARTITIONS)],
      ['keys', 'add', 'invoices', '--tenants', '*'],
    ]) {
      const ended = await asOperator(...args);
      expect(ended.code, ended.stderr).toBe(0);
    }
    await emit(data, secured, folder);

    ledger = ledgerAs('ledger');
    await ledger.until('round sealed');
    while ((await ledger.metric('sealtrail_ledger_entries_total')) < EVENTS) await sleep(100);
    expect(await ledger.stop()).toBe(0);
    expect(
      ledger
        .log()
        .filter(({ level }) => level === 'error' || level === 'warn')
        .map(({ message }) => message)
        .filter((message) => /AUTHORIZATION/.test(message)),
    ).toEqual([]);

    const asked = await asOperator('sql', 'SELECT count() AS events FROM audit_events');
    expect(asked.json<{ rows: unknown }>().rows, asked.stderr).toEqual([{ events: EVENTS }]);
    const checked = await asOperator('fsck');
    expect(checked.json(), checked.stderr).toMatchObject({ ok: true, findings: [], entries: EVENTS });
  });

  it('are enough for a detector, whose canaries come back as alerts', async () => {
    onTestFailed(() => console.error([ledger, detector].map((one) => one?.transcript()).join('\n')));
    ledger = ledgerAs('ledger');
    const state = { SEALTRAIL_DEPLOYMENT_DIR: data, SEALTRAIL_OPERATIONS_HOST: '127.0.0.1', SEALTRAIL_OPERATIONS_PORT: '0' };
    detector = new LedgerProcess('detector', { ...envOf('detector'), ...state }, 'services/detector/src/main.ts');
    await detector.until('this instance is the active one');
    while ((await detector.metric('sealtrail_detector_canary_seconds_count')) === 0) await sleep(200);
    while ((await detector.unready()).length > 0) await sleep(200);
    expect(await detector.stop()).toBe(0);
    expect(await ledger.stop()).toBe(0);
  });

  it('a ledger without them says which is missing, and ends as documented', async () => {
    const wrong = ledgerAs('service');
    expect(await wrong.ended, wrong.transcript()).toBe(1);
    expect(wrong.lines.join('\n')).toMatch(/AUTHORIZATION_FAILED|[Nn]ot authorized/);
    expect(wrong.lines.join('\n')).not.toContain(passwordOf('service'));
  });
});

/** As a service does it: it has its key and its password, and may write events alone. */
async function emit(data: string, broker: string, folder: string): Promise<void> {
  const directory = await openDataDirectory({ dir: data });
  const key = await loadProducerKey(directory, 'invoices');
  const log = await openKafkaEventLog({
    client: {
      brokers: [broker],
      ssl: { ca: [readFileSync(join(folder, 'ca.pem'), 'utf8')] },
      sasl: { mechanism: 'plain', username: 'service', password: passwordOf('service') },
    },
    clock_ms: Date.now,
    random: randomBytes,
  });
  const producer = await log.producer();
  const { audience, topic } = directory.deployment;
  const emitter = createEmitter({ log: producer, topic, audience, producer: 'invoices', publicKey: key.public_key, sign: key.sign });
  for (let i = 0; i < EVENTS; i++) {
    void emitter.audit.log('invoice.read', { resource_id: `inv-${i}` }, { tenant: `tenant-${i % 5}`, actor: systemActor('nightly-job') });
  }
  const closed = await emitter.close();
  await log.close();
  if (closed.kind !== 'closed') throw new Error('not every event was taken');
}
