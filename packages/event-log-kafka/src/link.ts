import { setMaxListeners } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { asError } from '@sealtrail/event-log';
import { Kafka, type KafkaConfig, logLevel } from 'kafkajs';
import { closed, isConnectionFailure, isPassing, reasonOf, unavailable } from './failures.ts';
import type { KafkaBroker, KafkaCluster } from './kafka-protocol.ts';
import { pause } from './pause.ts';
import type { KafkaSettings } from './settings.ts';

const keep_alive_ms = 60_000;
/** Of what a coordinator keeps. */
const group_type = 0;
/** Of the pause between attempts. */
const doublings_max = 4;

interface Wire {
  readonly kafka: Kafka;
  readonly cluster: KafkaCluster;
  readonly sockets: Set<net.Socket>;
}

/**
 * One client's connections to the cluster: a broker answers the requests of a connection one after the other, so whatever
 * must not wait for something else has a link of its own. After a failed connection everything of it is thrown away and
 * made anew, which spares it the states that kafkajs does not come back from.
 */
export class Link {
  readonly #settings: KafkaSettings;
  readonly #ended = new AbortController();
  #wire: Wire | null = null;

  constructor(settings: KafkaSettings) {
    this.#settings = settings;
    // Every pause of every partition listens.
    setMaxListeners(0, this.#ended.signal);
  }

  get isClosed(): boolean {
    return this.#ended.signal.aborted;
  }

  get settings(): KafkaSettings {
    return this.#settings;
  }

  /** The client, for what its public interface does well. */
  get kafka(): Kafka {
    return this.#opened().kafka;
  }

  /** Any broker. */
  async anyBroker(): Promise<KafkaBroker> {
    const { cluster } = this.#opened();
    await cluster.connect();
    return cluster.brokerPool.findConnectedBroker();
  }

  /** The broker with this id; `topic` is one that exists. */
  async broker(node: number, topic: string): Promise<KafkaBroker> {
    const { cluster } = this.#opened();
    await cluster.connect();
    await cluster.addTargetTopic(topic);
    return cluster.findBroker({ nodeId: String(node) });
  }

  /** The broker that keeps the group; `topic` is one that exists. Throws what a broker answers who may not tell it. */
  async coordinator(group: string, topic: string): Promise<KafkaBroker> {
    const { cluster } = this.#opened();
    await cluster.connect();
    await cluster.addTargetTopic(topic);
    // kafkajs would ask every broker, and forget why none of them told: who may not know the group would ask for ever.
    const asked = await cluster.brokerPool.findConnectedBroker();
    const { coordinator } = await asked.findGroupCoordinator({ groupId: group, coordinatorType: group_type });
    return cluster.findBroker({ nodeId: String(coordinator.nodeId) });
  }

  /** Asks until there is an answer, for `answer_timeout_ms`. Throws EventLogError; `what` reads as in “cannot …”. */
  async ask<T>(what: string, question: () => Promise<T>): Promise<T> {
    const { clock_ms, timings } = this.#settings;
    const until_ms = clock_ms() + timings.answer_timeout_ms;
    for (let attempt = 0; ; attempt += 1) {
      try {
        if (this.isClosed) throw closed();
        return await question();
      } catch (error) {
        this.failed(error);
        if (this.isClosed) throw closed();
        if (!isPassing(error) || clock_ms() >= until_ms) throw unavailable(what, error);
        await this.pause(attempt);
      }
    }
  }

  /** Takes note of what a call threw. */
  failed(error: unknown): void {
    if (isConnectionFailure(error)) this.#drop(asError(error));
  }

  /** Waits before something is tried again, longer the more often it was tried; not once the link is closed. */
  pause(attempt: number, stop?: AbortSignal): Promise<void> {
    const { timings, random } = this.#settings;
    const half_ms = (timings.retry_ms * 2 ** Math.min(attempt, doublings_max)) / 2;
    const drawn = (random(1)[0] ?? 0) / 256;
    return pause(half_ms + half_ms * drawn, this.#ended.signal, ...(stop === undefined ? [] : [stop]));
  }

  /** Whatever is under way fails. */
  close(): void {
    this.#ended.abort();
    this.#drop(closed());
  }

  #opened(): Wire {
    if (this.isClosed) throw closed();
    this.#wire ??= openWire(this.#settings);
    return this.#wire;
  }

  #drop(cause: Error): void {
    const wire = this.#wire;
    if (wire === null) return;
    this.#wire = null;
    // kafkajs would wait for answers that may never come.
    for (const socket of wire.sockets) socket.destroy(cause);
    wire.cluster.disconnect().catch((error: unknown) => {
      this.#settings.log({ level: 'warn', message: `a broken connection could not be ended in order: ${reasonOf(error)}` });
    });
  }
}

function openWire(settings: KafkaSettings): Wire {
  const sockets = new Set<net.Socket>();
  const connect = settings.client.socketFactory ?? connectSocket;
  const config: KafkaConfig = {
    connectionTimeout: 5_000,
    ...settings.client,
    retry: { initialRetryTime: 100, maxRetryTime: 400, retries: 3 },
    logLevel: logLevel.WARN,
    logCreator:
      () =>
      ({ level, namespace, log: { message } }) => {
        if (level > logLevel.INFO) return;
        const named = level === logLevel.ERROR ? 'error' : level === logLevel.WARN ? 'warn' : 'info';
        settings.log({ level: named, message: `${namespace}: ${message}` });
      },
    socketFactory: (options) => {
      const socket = connect(options);
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      return socket;
    },
  };
  const kafka = new Kafka(config);
  return { kafka, cluster: clusterOf(kafka), sockets };
}

/** kafkajs hands its cluster to who assigns partitions; the consumer that is made for that never runs. */
export function clusterOf(kafka: Kafka): KafkaCluster {
  const found: KafkaCluster[] = [];
  kafka.consumer({
    groupId: 'none',
    allowAutoTopicCreation: false,
    readUncommitted: true,
    retry: { retries: 3 },
    partitionAssigners: [
      ({ cluster }) => {
        found.push(cluster as unknown as KafkaCluster);
        return { name: 'none', version: 0, assign: async () => [], protocol: () => ({ name: 'none', metadata: Buffer.alloc(0) }) };
      },
    ],
  });
  const [cluster] = found;
  if (cluster === undefined) throw new TypeError('kafkajs gave no cluster: this adapter is written for kafkajs 2.2.4');
  return cluster;
}

const connectSocket: NonNullable<KafkaConfig['socketFactory']> = ({ host, port, ssl, onConnect }) => {
  const named = net.isIP(host) === 0 ? { servername: host } : {};
  const socket = ssl
    ? tls.connect({ host, port, ...named, ...(ssl as tls.ConnectionOptions) }, onConnect)
    : net.connect({ host, port }, onConnect);
  socket.setKeepAlive(true, keep_alive_ms);
  socket.setNoDelay(true);
  return socket;
};
