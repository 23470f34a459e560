import {
  type AppendOutcome,
  type AppendRefusal,
  asError,
  EventLogError,
  type EventLogProducer,
  partitionOf,
  type RecordToAppend,
  record_value_bytes_max,
} from '@sealtrail/event-log';
import { closed, isPassing, isTooLarge, noPartition, reasonOf, typeOf, unavailable } from './failures.ts';
import type { KafkaBroker } from './kafka-protocol.ts';
import type { Link } from './link.ts';
import { pause } from './pause.ts';
import { produceRecords, type RecordToProduce } from './produce-request.ts';
import { metadata_age_ms_max, send_bytes_max, send_records_max } from './settings.ts';
import type { TopicMetadata } from './topic-metadata.ts';
import { Topics } from './topics.ts';

const sequence_max = 2 ** 31 - 1;
/** What the broker keeps beside a record's key and value, at most. */
const record_frame_bytes = 32;

interface Identity {
  readonly producer_id: string;
  readonly producer_epoch: number;
  /** By topic and partition: the next. */
  readonly sequences: Map<string, number>;
}

/** Records of one partition that become one record batch. */
interface Batch {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly RecordToProduce[];
  readonly time_ms: number;
  /** Where in the append each of them stands. */
  readonly indexes: readonly number[];
}

type Placed = { partition: number; offset: number }[];

class Refused extends Error {
  readonly code: AppendRefusal;
  constructor(code: AppendRefusal, cause: Error) {
    super(cause.message, { cause });
    this.code = code;
  }
}

/**
 * Appends as an idempotent producer does, one request at a time. A batch is sent again, with the numbers that it had, until
 * `append_timeout_ms` have passed; after that its outcome is unknown and the producer takes another id. Under the old one
 * the broker would take the next batch for the doubtful one, acknowledge it, and drop it.
 */
export function kafkaProducer(link: Link): EventLogProducer {
  const appends = new Appends(link);
  return {
    append: (records, position) => {
      if (position !== undefined) {
        return Promise.reject(
          new EventLogError('log_misuse', `Kafka keeps no position of ${position.source} with an append: keep it where the source is read`),
        );
      }
      return appends.append(records);
    },
    position: async (source) => {
      if (appends.isClosed) throw closed();
      throw new EventLogError('log_misuse', `Kafka keeps no position of ${source}: keep it where the source is read`);
    },
    close: () => appends.close(),
  };
}

class Appends {
  readonly #link: Link;
  readonly #topics: Topics;
  #identity: Identity | null = null;
  #turn: Promise<unknown> = Promise.resolve();
  #closing = false;

  constructor(link: Link) {
    this.#link = link;
    this.#topics = new Topics(link);
  }

  get isClosed(): boolean {
    return this.#closing || this.#link.isClosed;
  }

  /** Lets what was sent end, for as long as an answer may take. */
  async close(): Promise<void> {
    this.#closing = true;
    const enough = new AbortController();
    await Promise.race([this.#turn, pause(this.#link.settings.timings.answer_timeout_ms, enough.signal)]);
    enough.abort();
    this.#link.close();
  }

  append(records: readonly RecordToAppend[]): Promise<AppendOutcome> {
    const outcome = this.#turn.then(() => this.#appendNow(records));
    this.#turn = outcome;
    return outcome;
  }

  async #appendNow(records: readonly RecordToAppend[]): Promise<AppendOutcome> {
    if (this.isClosed) return { kind: 'refused', code: 'closed', cause: closed() };
    const placed: Placed = [];
    let is_sent = false;
    try {
      const partitions = await this.#placesOf(records);
      for (const batches of roundsOf(records, partitions, this.#link.settings.clock_ms())) {
        is_sent = true;
        await this.#send(batches, placed);
      }
      return { kind: 'appended', placed };
    } catch (error) {
      if (error instanceof Refused) return { kind: 'refused', code: error.code, cause: asError(error.cause) };
      this.#identity = null;
      // Closed before anything was sent: surely not appended.
      if (!is_sent && this.#link.isClosed) return { kind: 'refused', code: 'closed', cause: closed() };
      return { kind: 'unknown', cause: unavailable('append', error) };
    }
  }

  /** The partition of each record. Throws Refused before anything is sent. */
  async #placesOf(records: readonly RecordToAppend[]): Promise<readonly number[]> {
    const partitions: number[] = [];
    for (const { topic, partition, key, value } of records) {
      if (value.length > record_value_bytes_max) {
        throw new Refused(
          'record_too_large',
          new EventLogError('log_misuse', `a record of ${value.length} bytes for ${topic}: at most ${record_value_bytes_max}`),
        );
      }
      const look = (): Promise<TopicMetadata> =>
        this.#link.ask(`look up topic ${topic}`, () => this.#topics.topic(topic, metadata_age_ms_max)).catch(refuseMisuse);
      let known = await look();
      // As every adapter: a record without a key and without a partition goes to the first one.
      const number = partition ?? (key === null ? 0 : partitionOf(key, known.partitions.size));
      if (!known.partitions.has(number)) {
        // It may have been added since.
        this.#topics.forget(topic);
        known = await look();
      }
      if (!known.partitions.has(number)) {
        throw new Refused('unknown_topic', noPartition(topic, number));
      }
      partitions.push(number);
    }
    return partitions;
  }

  /** Throws Refused, or the failure after which nobody knows. */
  async #send(batches: readonly Batch[], placed: Placed): Promise<void> {
    const waiting = new Set(batches);
    try {
      await this.#produce(waiting, placed);
    } catch (error) {
      if (!isTooLarge(error)) throw error;
      // Refused before it took effect. Those beside it may have taken effect: the same numbers again tell.
      const [first] = waiting;
      const parts = waiting.size > 1 ? Array.from(waiting, (batch) => [batch]) : halvesOf(first as Batch);
      if (parts.length < 2) {
        const { topic, records } = first as Batch;
        const cause = `a record of ${records[0]?.value.length} bytes is more than topic ${topic} takes: raise its max.message.bytes`;
        throw new Refused('record_too_large', new EventLogError('log_misuse', cause, { cause: error }));
      }
      for (const part of parts) await this.#send(part, placed);
    }
  }

  /** Sends batches of different partitions until each is acknowledged; those that are, leave `waiting`. */
  async #produce(waiting: Set<Batch>, placed: Placed): Promise<void> {
    const { clock_ms, timings, log } = this.#link.settings;
    const until_ms = clock_ms() + timings.append_timeout_ms;
    const batches = [...waiting];
    let identity: Identity | null = null;
    for (let attempt = 0; ; attempt += 1) {
      try {
        identity ??= await this.#identified(batches);
        for (const [leader, led] of await this.#byLeader(waiting)) {
          const broker = await this.#link.broker(leader, (led[0] as Batch).topic);
          await sendTo(broker, identity, led, timings.append_timeout_ms, (batch, base_offset) => {
            batch.indexes.forEach((index, i) => {
              placed[index] = { partition: batch.partition, offset: base_offset + i };
            });
            waiting.delete(batch);
          });
        }
        return;
      } catch (error) {
        for (const { topic } of batches) this.#topics.forget(topic);
        this.#link.failed(error);
        if (this.#link.isClosed || !isPassing(error) || clock_ms() >= until_ms) throw error;
        log({ level: 'warn', message: `an append is sent again: ${typeOf(error) || reasonOf(error)}` });
        await this.#link.pause(attempt);
      }
    }
  }

  async #byLeader(batches: ReadonlySet<Batch>): Promise<ReadonlyMap<number, readonly Batch[]>> {
    const led = new Map<number, Batch[]>();
    for (const batch of batches) {
      const { partitions } = await this.#topics.topic(batch.topic);
      const leader = partitions.get(batch.partition)?.leader ?? -1;
      if (leader < 0) throw new EventLogError('log_unavailable', `${nameOf(batch)} has no leader: wait until a replica of it is back`);
      led.set(leader, [...(led.get(leader) ?? []), batch]);
    }
    return led;
  }

  /** The producer's id; another one where a partition has used up its numbers. */
  async #identified(batches: readonly Batch[]): Promise<Identity> {
    const known = this.#identity;
    if (known !== null && batches.every((batch) => (known.sequences.get(nameOf(batch)) ?? 0) + batch.records.length <= sequence_max)) {
      return known;
    }
    const broker = await this.#link.anyBroker();
    const { producerId, producerEpoch } = await broker.initProducerId({ transactionTimeout: 60_000 });
    this.#identity = { producer_id: producerId, producer_epoch: producerEpoch, sequences: new Map() };
    return this.#identity;
  }
}

/** One request: the broker takes each batch once, however often it comes under the same numbers. */
async function sendTo(
  broker: KafkaBroker,
  { producer_id, producer_epoch, sequences }: Identity,
  batches: readonly Batch[],
  timeout_ms: number,
  acknowledged: (batch: Batch, base_offset: number) => void,
): Promise<void> {
  const produced = await produceRecords(
    broker,
    batches.map((batch) => ({ ...batch, first_sequence: sequences.get(nameOf(batch)) ?? 0 })),
    { producer_id, producer_epoch, timeout_ms },
  );
  for (const batch of batches) {
    const base_offset = produced.find(({ topic, partition }) => topic === batch.topic && partition === batch.partition)?.base_offset ?? -1;
    if (base_offset < 0) throw new EventLogError('log_corrupt', `the broker does not tell where it put records of ${nameOf(batch)}`);
    sequences.set(nameOf(batch), (sequences.get(nameOf(batch)) ?? 0) + batch.records.length);
    acknowledged(batch, base_offset);
  }
}

function refuseMisuse(error: unknown): never {
  if (error instanceof EventLogError && error.code === 'log_misuse') throw new Refused('unknown_topic', error);
  throw error;
}

const nameOf = ({ topic, partition }: Pick<Batch, 'topic' | 'partition'>): string => `${topic}/${partition}`;

/** The append as requests that follow one another, each with one batch a partition at most. */
function roundsOf(records: readonly RecordToAppend[], partitions: readonly number[], now_ms: number): readonly (readonly Batch[])[] {
  const rounds: Map<
    string,
    { topic: string; partition: number; records: RecordToProduce[]; time_ms: number; indexes: number[]; bytes: number }
  >[] = [];
  const round_of = new Map<string, number>();
  records.forEach((record, index) => {
    const { topic, key, value } = record;
    const partition = partitions[index] as number;
    const name = nameOf({ topic, partition });
    const bytes = (key?.length ?? 0) + value.length + record_frame_bytes;
    let number = round_of.get(name) ?? 0;
    const open = rounds[number]?.get(name);
    if (open !== undefined && (open.records.length >= send_records_max || open.bytes + bytes > send_bytes_max)) number += 1;
    round_of.set(name, number);
    rounds[number] ??= new Map();
    const round = rounds[number] as NonNullable<(typeof rounds)[number]>;
    const batch = round.get(name) ?? { topic, partition, records: [], time_ms: now_ms, indexes: [], bytes: 0 };
    round.set(name, batch);
    batch.records.push({ key, value });
    batch.indexes.push(index);
    batch.bytes += bytes;
  });
  return rounds.map((round) => [...round.values()]);
}

function halvesOf(batch: Batch): readonly (readonly Batch[])[] {
  const { records, indexes } = batch;
  if (records.length < 2) return [[batch]];
  const middle = records.length >>> 1;
  return [
    [{ ...batch, records: records.slice(0, middle), indexes: indexes.slice(0, middle) }],
    [{ ...batch, records: records.slice(middle), indexes: indexes.slice(middle) }],
  ];
}
