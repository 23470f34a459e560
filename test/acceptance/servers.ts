/** A deployment on servers: a Kafka broker and a ClickHouse front of its own, each in a process that can be killed. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ChdbHttpProcess, forkClickHouse } from '@sealtrail/chdb-http';
import { type Broker, type BrokerOptions, freePort, startBroker } from '../../scripts/kafka/broker.ts';
import { type BrokerRelay, openBrokerRelay } from './broker-relay.ts';
import { CLI, type Ended, end, remove, start, temporaryFolder } from './cli.ts';
import { type KafkaLoad, kafkaLoad, LedgerProcess, type Supervised, supervise } from './ledger-process.ts';

/** Short of the default, so that what a killed member holds is free again soon; SOAK=1 keeps the default. */
export const SESSION_TIMEOUT_MS: number = process.env['SOAK'] === undefined ? 4_000 : 10_000;

const POLL_MS = 200;
const STORED_WAIT_MS_MAX = 90_000;

export class Servers {
  readonly #folder: string;
  readonly #ledgers: LedgerProcess[] = [];
  readonly #loads: KafkaLoad[] = [];
  readonly #brokerOptions: BrokerOptions;
  /** Between the broker and the ledgers that are started behind it. */
  readonly relay: BrokerRelay;
  #broker: Broker;
  #front: ChdbHttpProcess;

  private constructor(folder: string, relay: BrokerRelay, brokerOptions: BrokerOptions, broker: Broker, front: ChdbHttpProcess) {
    this.#folder = folder;
    this.relay = relay;
    this.#brokerOptions = brokerOptions;
    this.#broker = broker;
    this.#front = front;
  }

  /** Starts both and sets the deployment up, as its operator does. */
  static async start(name: string, partitions: number): Promise<Servers> {
    const folder = temporaryFolder(name);
    const [port, relayed] = [await freePort(), await freePort()];
    const relay = await openBrokerRelay(relayed);
    // Who comes through the relay is told an address that leads through it again.
    const properties = {
      listeners: `PLAINTEXT://127.0.0.1:${port},RELAYED://127.0.0.1:${relayed},CONTROLLER://127.0.0.1:${port + 1}`,
      'advertised.listeners': `PLAINTEXT://127.0.0.1:${port},RELAYED://127.0.0.1:${relay.port}`,
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,RELAYED:PLAINTEXT,CONTROLLER:PLAINTEXT',
    };
    const brokerOptions = { dir: join(folder, 'broker'), port, properties };
    const [broker, front] = await Promise.all([startBroker(brokerOptions), forkClickHouse({ dir: join(folder, 'clickhouse') })]);
    const servers = new Servers(folder, relay, brokerOptions, broker, front);
    await servers.sealtrail('setup', '--data', servers.data, '--audience', `test.${name}`, '--partitions', String(partitions));
    return servers;
  }

  get data(): string {
    return join(this.#folder, 'deployment');
  }

  /** Address of the broker. */
  get broker(): string {
    return this.#broker.address;
  }

  get front(): ChdbHttpProcess {
    return this.#front;
  }

  /** Where both are found, as users say it. */
  get #env(): NodeJS.ProcessEnv {
    return { KAFKA_BROKERS: this.#broker.address, CLICKHOUSE_URL: this.#front.url };
  }

  /** Runs a command against the servers. Throws what it says when it fails. */
  async sealtrail(...args: readonly string[]): Promise<Ended> {
    const ended = await end(start(CLI, args, this.#env));
    if (ended.code !== 0) throw new Error(`sealtrail ${args[0]} ended with ${ended.code}: ${ended.stderr}${ended.stdout.slice(-4_000)}`);
    return ended;
  }

  /** Asks the server itself, as somebody who sees all tables. */
  async ask(sql: string): Promise<readonly (readonly string[])[]> {
    const answer = await fetch(this.#front.url, { method: 'POST', body: `${sql} FORMAT TSV` });
    const text = await answer.text();
    if (!answer.ok) throw new Error(text);
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split('\t'));
  }

  /** A ledger process, started as a user starts it; `behind` the relay, it sees the broker through that alone. */
  startLedger(name: string, behind?: 'relay'): LedgerProcess {
    const ledger = new LedgerProcess(name, {
      ...this.#env,
      ...(behind === undefined ? {} : { KAFKA_BROKERS: `127.0.0.1:${this.relay.port}` }),
      SEALTRAIL_DEPLOYMENT_DIR: this.data,
      SEALTRAIL_LEDGER_SESSION_TIMEOUT_MS: String(SESSION_TIMEOUT_MS),
      SEALTRAIL_OPERATIONS_HOST: '127.0.0.1',
      SEALTRAIL_OPERATIONS_PORT: '0',
      SEALTRAIL_LOG_LEVEL: 'debug',
    });
    this.#ledgers.push(ledger);
    return ledger;
  }

  /** A ledger process that is started again when it ends with the code for that, as its supervisor does. */
  superviseLedger(name: string): Supervised {
    return supervise((life) => this.startLedger(`${name}, life ${life}`));
  }

  /** Resolves when it emits. */
  async startLoad(producer: string, rate: number): Promise<KafkaLoad> {
    const record = join(this.#folder, `${producer}.txt`);
    const load = kafkaLoad({ data: this.data, producer, rate, record, env: this.#env });
    this.#loads.push(load);
    await load.begun;
    return load;
  }

  async killBroker(): Promise<void> {
    await this.#broker.kill();
  }

  async restartBroker(): Promise<void> {
    this.#broker = await startBroker(this.#brokerOptions);
  }

  async killFront(): Promise<void> {
    await this.#front.kill();
  }

  async restartFront(): Promise<void> {
    const port = Number(new URL(this.#front.url).port);
    this.#front = await forkClickHouse({ dir: join(this.#folder, 'clickhouse'), port });
  }

  /** Rows of a committed kind that its claim's interval does not show. */
  async hiddenRows(table: 'entries' | 'manifests' | 'heads'): Promise<number> {
    const shown = `SELECT claim, \`from\`, \`to\` FROM sealtrail.intervals`;
    const [row] = await this.ask(
      `SELECT count() FROM sealtrail.${table} AS r LEFT JOIN (${shown}) AS i ON r.claim = i.claim WHERE NOT (r.offset >= i.\`from\` AND r.offset < i.\`to\`)`,
    );
    return Number(row?.[0]);
  }

  /**
   * Waits until as many events are visible to analysts as the loads were told are durable, or for long enough, and says what is missing
   * or doubled. Loads must have ended.
   */
  async settled(wait_ms_max: number = STORED_WAIT_MS_MAX): Promise<Settled> {
    const accepted = this.#loads.flatMap((load) => load.ids());
    const deadline_ms = Date.now() + wait_ms_max;
    while (Date.now() < deadline_ms) {
      const [row] = await this.ask('SELECT count() FROM sealtrail.audit_events');
      if (Number(row?.[0]) >= accepted.length) break;
      await sleep(POLL_MS);
    }
    const rows = await this.ask("SELECT lower(replaceAll(toString(event_id), '-', '')) FROM sealtrail.audit_events");
    const stored = rows.map(([id = '']) => id);
    const [distinct, known] = [new Set(stored), new Set(accepted)];
    return {
      missing: accepted.filter((id) => !distinct.has(id)).length,
      doubled: stored.length - distinct.size,
      unknown: [...distinct].filter((id) => !known.has(id)).length,
    };
  }

  /** Throws with its findings when there are any. */
  async fsck(): Promise<Fsck> {
    return (await this.sealtrail('fsck', '--data', this.data, '--json')).json<Fsck & Record<string, unknown>>();
  }

  /** What the ledgers and loads have said last, for a test that failed. */
  transcript(): string {
    return [...this.#ledgers, ...this.#loads].map((process) => process.transcript()).join('\n');
  }

  async close(): Promise<void> {
    await Promise.all([...this.#ledgers, ...this.#loads].map((process) => process.kill()));
    this.relay.close();
    await Promise.all([this.#front.kill(), this.#broker.stop()]);
    remove(this.#folder);
  }
}

export interface Settled {
  readonly missing: number;
  readonly doubled: number;
  /** Visible, and never told as accepted: a load that ended in order leaves none. */
  readonly unknown: number;
}
export const NOTHING_AMISS: Settled = { missing: 0, doubled: 0, unknown: 0 };

export interface Fsck {
  readonly ok: boolean;
  readonly findings: readonly unknown[];
  readonly entries: number;
  readonly rounds: number;
}
