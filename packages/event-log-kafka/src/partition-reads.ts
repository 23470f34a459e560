import { assertReadable, EventLogError, type LogBounds, type LogRecord, type ReadLimits, type ReadOutcome } from '@sealtrail/event-log';
import { isPassing, unavailable } from './failures.ts';
import { type Fetched, fetch_errors, fetchRecords } from './fetch-request.ts';
import type { KafkaBroker } from './kafka-protocol.ts';
import type { Link } from './link.ts';
import { abortionOf } from './pause.ts';
import { RecordBatches } from './record-batches.ts';
import { expanded_bytes_max, fetch_bytes_max, fetch_bytes_min } from './settings.ts';
import { Topics } from './topics.ts';

const earliest = -2;
const latest = -1;

/** How reading ends that is not about records. */
export interface ReadEnding {
  readonly signal: AbortSignal;
  /** Told once the signal has aborted. */
  readonly outcome: () => ReadOutcome;
  /** Told when the topic is not the one that was read before: it was deleted and created again. */
  readonly replaced: (cause: EventLogError) => ReadOutcome;
}

type Step =
  | { readonly kind: 'records'; readonly records: readonly LogRecord[] }
  /** Nothing there that an application wrote, up to the offset `next`. */
  | { readonly kind: 'nothing'; readonly next: number }
  | { readonly kind: 'out_of_range' }
  | { readonly kind: 'replaced'; readonly cause: EventLogError }
  | { readonly kind: 'failed'; readonly cause: unknown };

/** What was fetched and not given yet, so that a batch of many records is not fetched for each few of them. */
interface Remainder {
  readonly topic: string;
  readonly partition: number;
  /** Where reading goes on. */
  from: number;
  /** Where fetching goes on: after a gap, beyond `from`. */
  fetch_from: number;
  readonly batches: RecordBatches;
  pending: readonly LogRecord[];
  at: number;
}

/** Reads partitions at exact offsets through one link. Pins each topic's id when it first reads it. */
export class PartitionReads {
  readonly #link: Link;
  readonly #topics: Topics;
  readonly #pinned: Map<string, string>;
  #remainder: Remainder | null = null;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(link: Link, pinned: ReadonlyMap<string, string> = new Map()) {
    this.#link = link;
    this.#topics = new Topics(link);
    this.#pinned = new Map(pinned);
  }

  /** Throws EventLogError. */
  bounds(topic: string, partition: number): Promise<LogBounds> {
    return this.#link.ask(`read the bounds of ${topic}/${partition}`, async () => {
      try {
        const { broker } = await this.#topics.leaderOf(topic, partition);
        const [start, end] = await Promise.all([earliest, latest].map((which) => offsetOf(broker, topic, partition, which)));
        return { start: start as number, end: end as number };
      } catch (error) {
        this.#topics.forget(topic);
        throw error;
      }
    });
  }

  async read(topic: string, partition: number, from: number, limits: ReadLimits, ending: ReadEnding): Promise<ReadOutcome> {
    assertReadable(from, limits);
    const ended = abortionOf(ending.signal);
    try {
      return await this.#readUntil(ended.happened, topic, partition, from, limits, ending);
    } finally {
      ended.forget();
    }
  }

  async #readUntil(
    ended: Promise<null>,
    topic: string,
    partition: number,
    from: number,
    limits: ReadLimits,
    ending: ReadEnding,
  ): Promise<ReadOutcome> {
    const { clock_ms, timings } = this.#link.settings;
    const until_ms = clock_ms() + limits.wait_ms;
    let patience_ms = clock_ms() + timings.answer_timeout_ms;
    let attempt = 0;
    for (let at = from; ; ) {
      if (ending.signal.aborted) return ending.outcome();
      const left_ms = Math.max(0, until_ms - clock_ms());
      const step = await Promise.race([this.#step(topic, partition, at, limits, Math.min(left_ms, timings.fetch_wait_ms)), ended]);
      if (step === null) return ending.outcome();
      switch (step.kind) {
        case 'records':
          return step;
        case 'nothing':
          if (step.next === at && clock_ms() >= until_ms) return { kind: 'records', records: [] };
          at = step.next;
          attempt = 0;
          patience_ms = clock_ms() + timings.answer_timeout_ms;
          continue;
        case 'replaced':
          return ending.replaced(step.cause);
        case 'out_of_range': {
          const bounds = await this.#boundsOrCause(topic, partition);
          if (ending.signal.aborted) return ending.outcome();
          if ('kind' in bounds) return bounds;
          // Inside after all: it came between, or a leader that has just taken over does not know it yet.
          const is_inside = bounds.start <= from && from <= bounds.end;
          if (!is_inside || clock_ms() >= patience_ms) return { kind: 'out_of_range', ...bounds };
          break;
        }
        case 'failed':
          this.#topics.forget(topic);
          this.#link.failed(step.cause);
          if (ending.signal.aborted) return ending.outcome();
          if (!isPassing(step.cause) || clock_ms() >= patience_ms) {
            return { kind: 'unavailable', cause: unavailable(`read ${topic}/${partition} at offset ${at}`, step.cause) };
          }
      }
      await this.#link.pause(attempt, ending.signal);
      attempt += 1;
    }
  }

  /** One after the other: kafkajs opens a connection twice for two that ask at once, and a broker answers in order anyway. */
  #step(topic: string, partition: number, at: number, limits: ReadLimits, wait_ms: number): Promise<Step> {
    const step = this.#turn.then(() => this.#stepNow(topic, partition, at, limits, wait_ms));
    this.#turn = step;
    return step;
  }

  async #stepNow(topic: string, partition: number, at: number, limits: ReadLimits, wait_ms: number): Promise<Step> {
    try {
      const kept = this.#remainder;
      const goes_on = kept !== null && kept.topic === topic && kept.partition === partition && kept.from === at;
      if (goes_on) {
        const records = await take(kept, limits);
        if (records.length > 0) return { kind: 'records', records };
      }
      this.#remainder = null;
      if (at < 0) return { kind: 'out_of_range' };
      const offset = goes_on ? kept.fetch_from : at;
      const { topic_id, place, broker } = await this.#topics.leaderOf(topic, partition);
      const pinned = this.#pinned.get(topic) ?? topic_id;
      this.#pinned.set(topic, pinned);
      if (pinned !== topic_id) return { kind: 'replaced', cause: replaced(topic) };
      const bytes_max = Math.min(fetch_bytes_max, Math.max(fetch_bytes_min, limits.bytes_max));
      const fetched = await fetchRecords(
        broker,
        { topic_id, partition, leader_epoch: place.leader_epoch, offset },
        { wait_ms: Math.ceil(wait_ms), bytes_max },
      );
      return await this.#judge(topic, partition, at, offset, limits, fetched);
    } catch (cause) {
      return { kind: 'failed', cause };
    }
  }

  async #judge(topic: string, partition: number, at: number, offset: number, limits: ReadLimits, fetched: Fetched): Promise<Step> {
    switch (fetched.error) {
      case fetch_errors.none:
        break;
      case fetch_errors.offset_out_of_range:
        return { kind: 'out_of_range' };
      case fetch_errors.topic_authorization_failed:
        throw new EventLogError('log_unavailable', `this client may not read topic ${topic}: grant it READ`);
      default:
        // Leaders move, and ids are not known everywhere at once: what is known of the topic is asked for anew.
        throw new EventLogError(
          'log_unavailable',
          `the broker does not give ${topic}/${partition} (Kafka error ${fetched.error}): its leader may be changing`,
        );
    }
    if (fetched.records.length === 0) return { kind: 'nothing', next: at };
    const batches = new RecordBatches({ topic, partition }, fetched.records, expanded_bytes_max);
    const fresh: Remainder = { topic, partition, from: at, fetch_from: offset, batches, pending: [], at: 0 };
    const records = await take(fresh, limits);
    this.#remainder = fresh;
    if (records.length > 0) return { kind: 'records', records };
    if (fresh.fetch_from > offset) {
      fresh.from = fresh.fetch_from;
      return { kind: 'nothing', next: fresh.fetch_from };
    }
    throw new EventLogError(
      'log_unavailable',
      `the broker gave no whole batch of ${topic}/${partition} at offset ${offset}: it is asked again`,
    );
  }

  async #boundsOrCause(topic: string, partition: number): Promise<LogBounds | ReadOutcome> {
    try {
      return await this.bounds(topic, partition);
    } catch (error) {
      return { kind: 'unavailable', cause: unavailable(`read ${topic}/${partition}`, error) };
    }
  }
}

/** Records from where the remainder stands, as many as the limits allow; empty at its end. */
async function take(remainder: Remainder, limits: ReadLimits): Promise<readonly LogRecord[]> {
  const taken: LogRecord[] = [];
  let bytes = 0;
  for (;;) {
    for (; remainder.at < remainder.pending.length; remainder.at += 1) {
      const record = remainder.pending[remainder.at] as LogRecord;
      // A batch comes whole, also from the middle of it on.
      if (record.offset < remainder.from) continue;
      bytes += (record.key?.length ?? 0) + (record.value?.length ?? 0);
      if (taken.length > 0 && bytes > limits.bytes_max) return taken;
      taken.push(record);
      remainder.from = record.offset + 1;
      if (taken.length >= limits.records_max) {
        remainder.at += 1;
        return taken;
      }
    }
    const batch = await remainder.batches.next();
    if (batch === null) return taken;
    remainder.pending = batch.records;
    remainder.at = 0;
    remainder.fetch_from = Math.max(remainder.fetch_from, batch.next_offset);
  }
}

async function offsetOf(broker: KafkaBroker, topic: string, partition: number, timestamp: number): Promise<number> {
  const { responses } = await broker.listOffsets({
    replicaId: -1,
    isolationLevel: 0,
    topics: [{ topic, partitions: [{ partition, timestamp }] }],
  });
  const offset = Number(responses[0]?.partitions[0]?.offset);
  if (!Number.isSafeInteger(offset)) throw new EventLogError('log_unavailable', `the broker gave no offset of ${topic}/${partition}`);
  return offset;
}

const replaced = (topic: string): EventLogError =>
  new EventLogError(
    'log_corrupt',
    `topic ${topic} was deleted and created again since it was first read: restore it, or begin anew with the new one`,
  );
