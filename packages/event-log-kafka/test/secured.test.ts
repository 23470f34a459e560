import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import kafkajs from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, freePort, startBroker } from '../../../scripts/kafka/broker.ts';
import { canStartBroker } from '../../../scripts/kafka/test-broker.ts';
import type { KafkaClientOptions } from '../src/index.ts';
import { createTestTopic, joinGroup, openTestLog, record } from './kafka-log.ts';

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, Kafka, ResourcePatternTypes } = kafkajs;
const run = promisify(execFile);
const store_password = 'store password';
const password = 'open sesame';

// A broker with TLS and SASL is one of its own: the one that is lent has neither.
const has_broker = await canStartBroker('event-log-kafka with TLS and SASL');

describe.skipIf(!has_broker)('a broker that asks for TLS and SASL', () => {
  let dir = '';
  let broker: Broker;
  let address = '';
  let ca = '';

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'sealtrail-secured-'));
    const store = ['-keystore', join(dir, 'broker.p12'), '-storetype', 'PKCS12', '-storepass', store_password, '-alias', 'broker'];
    const names = ['-dname', 'CN=localhost', '-ext', 'SAN=IP:127.0.0.1'];
    await run('keytool', ['-genkeypair', ...store, ...names, '-keyalg', 'EC', '-groupname', 'secp256r1', '-validity', '2']);
    await run('keytool', ['-exportcert', '-rfc', ...store, '-file', join(dir, 'ca.pem')]);
    ca = await readFile(join(dir, 'ca.pem'), 'utf8');
    const port = await freePort();
    const secured = await freePort();
    address = `127.0.0.1:${secured}`;
    broker = await startBroker({
      dir: join(dir, 'broker'),
      port,
      properties: {
        listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${port + 1},SECURED://${address}`,
        'advertised.listeners': `PLAINTEXT://127.0.0.1:${port},SECURED://${address}`,
        'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_SSL',
        'listener.name.secured.sasl.enabled.mechanisms': 'PLAIN',
        'listener.name.secured.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="${password}" user_bob="${password}";`,
        'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        'super.users': 'User:ANONYMOUS;User:alice',
        'ssl.keystore.type': 'PKCS12',
        'ssl.keystore.location': join(dir, 'broker.p12'),
        'ssl.keystore.password': store_password,
        'ssl.key.password': store_password,
      },
    });
  });
  afterAll(async () => {
    await broker?.stop();
    await rm(dir, { recursive: true, force: true });
  });

  const client = (given: string, trusted = [ca], username = 'alice'): KafkaClientOptions => ({
    brokers: [address],
    ssl: { ca: trusted },
    sasl: { mechanism: 'plain', username, password: given },
  });

  it('lets in who has the password: appends, reads and commits', async () => {
    const log = await openTestLog([], { client: client(password) });
    const place = await createTestTopic(log);
    expect((await (await log.producer()).append([record(place.topic, 'a')])).kind).toBe('appended');
    const assignment = await (await joinGroup(log, place)).next();
    expect((await assignment.read(0, { records_max: 1, bytes_max: 1, wait_ms: 5_000 })).kind).toBe('records');
    expect(await assignment.commit(1, 'one')).toEqual({ kind: 'committed' });
  });

  it('keeps out who has not, and nobody tells the password', async () => {
    const wrong = 'shut sesame';
    const said: string[] = [];
    const log = await openTestLog([], { client: client(wrong), log: ({ message }) => said.push(message) });
    const admin = await log.admin();
    const error = await admin.topic('t').catch((thrown: Error) => thrown);
    expect(error).toMatchObject({ code: 'log_unavailable', message: expect.stringMatching(/; check user, password and mechanism$/) });
    const outcome = await (await log.producer()).append([record('t', 'a')]);
    expect(outcome.kind).toBe('unknown');
    expect(said.length).toBeGreaterThan(0);
    for (const text of [...said, String(error), outcome.kind === 'unknown' ? String(outcome.cause) : '']) expect(text).not.toContain(wrong);
  });

  it('ends a member that lacks a right, and says which', async () => {
    const { topic } = await createTestTopic(await openTestLog([], { client: client(password) }));
    const bob = await openTestLog([], { client: client(password, [ca], 'bob') });
    const join = async () => (await bob.consumer({ group: 'g', topic })).run(async () => undefined, new AbortController().signal);
    const admin = new Kafka({ brokers: [broker.address], logLevel: 0 }).admin();
    await admin.connect();
    const permit = (operation: number) => ({
      resourceType: AclResourceTypes.TOPIC,
      resourceName: topic,
      resourcePatternType: ResourcePatternTypes.LITERAL,
      principal: 'User:bob',
      host: '*',
      operation,
      permissionType: AclPermissionTypes.ALLOW,
    });
    expect(await join()).toMatchObject({ kind: 'failed', cause: { message: expect.stringMatching(/grant DESCRIBE on it/) } });
    await admin.createAcls({ acl: [permit(AclOperationTypes.READ)] });
    await admin.disconnect();
    const cause = { message: expect.stringMatching(/^cannot join group g: Not authorized to access group[^\n]*; grant /) };
    expect(await join()).toMatchObject({ kind: 'failed', cause });
  });

  it('is not trusted without its certificate', async () => {
    const log = await openTestLog([], { client: { brokers: [address], ssl: true }, timings: { answer_timeout_ms: 300 } });
    await expect((await log.admin()).topic('t')).rejects.toThrow(/^cannot read the settings of topic t: [^\n]*certificate[^\n]*;/);
  });
});
