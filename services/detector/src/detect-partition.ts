import type { RegistryStream } from '@sealtrail/data-directory';
import { type Alert, type DetectionEvent, type Engine, wasGiven } from '@sealtrail/detection';
import type { Assignment, LogRecord } from '@sealtrail/event-log';
import { examineRecord, type Registry, recordedAtOf } from '@sealtrail/seal';
import { isCanary, type WalkedBatch } from '@sealtrail/wire';
import { alertRecord } from './alert-record.ts';
import { AuditFields, auditDetectionEvent } from './audit-event.ts';
import { EvaluatedSteps } from './evaluated-steps.ts';
import { EvaluationCounts } from './evaluation-counts.ts';
import { EvidencePlaces } from './evidence-places.ts';
import { producerEvent, rejectedRecord } from './pipeline-event.ts';
import type { DetectorPorts, DetectorSettings, EvaluatedFacts, PartitionPlace } from './ports.ts';
import { ProducerWatch } from './producer-watch.ts';
import { formatProgress, type Progress, parseProgress } from './progress.ts';
import { firstTakenAt } from './replay-start.ts';

export interface DetectedPartition {
  readonly assignment: Assignment;
  readonly ports: DetectorPorts;
  readonly settings: DetectorSettings;
  readonly registry: RegistryStream;
}

/** The partition was taken away, or the consumer stops. */
export class PartitionLost extends Error {
  readonly code = 'partition_lost';
}

/** A ledger in the same process waits this long at each of its own steps: some ms, also while a replay has much to read. */
const EVENTS_A_BREATH = 128;
const HASH_BYTES = 32;
const FINDING_LAG_US = 60_000_000;

/** Where in a record an event stands. */
interface EventAt {
  readonly index: number;
  /** Of all events of its batch. */
  readonly leaves: Uint8Array;
}
/** Of a finding about a record as a whole, which is no leaf. */
const NO_EVENT: EventAt = { index: 0, leaves: new Uint8Array(HASH_BYTES) };

/**
 * Evaluates one partition for as long as it is held. Windows are restored by reading again what they reach back to; what was
 * given before is recognised and not given again. An offset is committed when every alert that is certain up to there is
 * durable in the sink. Ends by throwing PartitionLost, or what a bug throws.
 */
export async function detectPartition(partition: DetectedPartition): Promise<never> {
  return new PartitionDetector(partition).run();
}

class PartitionDetector {
  readonly #assignment: Assignment;
  readonly #ports: DetectorPorts;
  readonly #settings: DetectorSettings;
  readonly #registry: RegistryStream;
  readonly #place: PartitionPlace;
  readonly #engine: Engine;
  /** Canaries have state of their own: what a deployment sends to itself must move the event time of nobody's history. */
  readonly #canaryEngine: Engine;
  readonly #replaySpan_us: number;
  readonly #places: EvidencePlaces;
  /** Of canaries that were read just now: their alerts follow at once. */
  #canaryPlaces: EvidencePlaces;
  readonly #producers: ProducerWatch;
  readonly #fields = new AuditFields();
  readonly #counts = new EvaluationCounts();
  readonly #steps: EvaluatedSteps;
  /** Offsets of events that a replay has matched: what stood before the committed place. */
  readonly #replayed = new Map<string, number>();
  #recorded_at = 0;
  /** recorded_at of the last record that was no canary. */
  #busy_at = 0;
  /** Latest time of an event, no later than the log took it. */
  #latest_us = Number.NEGATIVE_INFINITY;
  /** What stood before the committed place when the partition was taken up. */
  #restored: Progress | null = null;

  constructor({ assignment, ports, settings, registry }: DetectedPartition) {
    this.#assignment = assignment;
    this.#ports = ports;
    this.#settings = settings;
    this.#registry = registry;
    this.#place = { topic: assignment.topic, partition: assignment.partition };
    this.#places = this.#noPlaces();
    this.#canaryPlaces = this.#noPlaces();
    this.#engine = ports.rules.engine.fresh();
    this.#canaryEngine = ports.rules.engine.fresh();
    this.#replaySpan_us = ports.rules.replay_span_us;
    this.#producers = new ProducerWatch(settings.silence_ms * 1000);
    this.#steps = new EvaluatedSteps({
      raise: (alerts) => this.#persist('storing alerts', () => this.#ports.sink.raise(alerts)),
      tell: (facts) => this.#ports.events.evaluated(this.#place, facts),
    });
  }

  async run(): Promise<never> {
    try {
      return await this.#detect();
    } catch (error) {
      // Whoever takes the partition next must not raise beside it. A bug is told at once, whatever the sink does.
      if (error instanceof PartitionLost) await this.#steps.rests();
      throw error;
    }
  }

  async #detect(): Promise<never> {
    const { settings } = this;
    let next = await this.#takeUp();
    let committed = this.#restored?.offset ?? next;
    let committed_ms = this.#ports.clock_ms();
    for (;;) {
      const limits = { records_max: settings.read_records_max, bytes_max: settings.read_bytes_max, wait_ms: settings.read_wait_ms };
      const read = await this.#persist('reading records', () => this.#assignment.read(next, limits));
      if (read.kind === 'lost') throw this.#lost();
      if (read.kind === 'unavailable') {
        await this.#pause('reading records', read.cause);
        continue;
      }
      if (read.kind === 'out_of_range') {
        // Retention took records before they were evaluated: what is left is evaluated, and the ledger's gap tells the loss.
        next = Math.max(read.start, Math.min(next, read.end));
        continue;
      }
      const last = read.records.at(-1);
      const raised = last === undefined ? await this.#rest() : await this.#evaluate(read.records);
      if (last !== undefined) next = last.offset + 1;
      const replaying = this.#restored !== null && next <= this.#restored.offset;
      const alerts = raised.filter((alert) => !this.#wasGiven(alert));
      const records = alerts.map((alert) => alertRecord(alert, this.#placesOf(alert), this.#recorded_at));
      if (this.#canaryPlaces.size > 0) this.#canaryPlaces = this.#noPlaces();
      const { watermark_us, pending } = this.#engine.stats();
      const facts = this.#takeFacts(next, alerts.length, replaying);
      this.#forget();
      await this.#steps.add({ offset: next, watermark_us }, records, facts);
      const now_ms = this.#ports.clock_ms();
      const { durable } = this.#steps;
      if (durable !== null && durable.offset > committed && now_ms - committed_ms >= settings.commit_interval_ms) {
        await this.#commit(durable);
        committed = durable.offset;
        committed_ms = now_ms;
      }
      if (last === undefined && this.#steps.isAllDurable) this.#ports.events.rested(this.#place, { to: next, pending, watermark_us });
    }
  }

  get settings(): DetectorSettings {
    return this.#settings;
  }

  /** Where reading begins: at the committed place, or before it as far as windows reach back. */
  async #takeUp(): Promise<number> {
    const committed = await this.#persist('reading the committed offset', () => this.#assignment.committed());
    const bounds = await this.#persist('reading the log’s bounds', () => this.#assignment.bounds());
    const progress = committed === null ? null : parseProgress(committed.metadata);
    if (committed === null || progress === null) {
      this.#ports.events.started(this.#place, { replay_from: bounds.start, from: bounds.start });
      return bounds.start;
    }
    this.#restored = { offset: committed.offset, watermark_us: progress.watermark_us };
    const replay_from = await this.#replayFrom(this.#restored, bounds);
    this.#ports.events.started(this.#place, { replay_from, from: committed.offset });
    return replay_from;
  }

  async #replayFrom({ offset, watermark_us }: Progress, bounds: { readonly start: number; readonly end: number }): Promise<number> {
    if (watermark_us === null) return Math.max(bounds.start, Math.min(offset, bounds.end));
    // Windows reach back, and so does the silence of producers. An event's time lies at most `ahead_us` after the log took it.
    const span_us = Math.max(this.#replaySpan_us, this.#settings.silence_ms * 1000);
    const from_ms = Math.floor((watermark_us - span_us - this.#settings.ahead_us) / 1000);
    const one = (at: number) => this.#assignment.read(at, { records_max: 1, bytes_max: 0, wait_ms: 0 });
    return this.#persist('finding where windows begin', () => firstTakenAt(one, bounds, offset, from_ms));
  }

  /** Evaluates records in order. Only their bytes, their place and the registry decide. */
  async #evaluate(records: readonly LogRecord[]): Promise<readonly Alert[]> {
    // After the records were fetched: a key that was registered before its first batch was sent is then in it.
    const registry = await this.#persist('reading the key registry', () => this.#registry.readToEnd());
    const alerts: Alert[] = [];
    let sinceBreath = 0;
    let since_ms = this.#ports.clock_ms();
    for (const record of records) {
      this.#recorded_at = recordedAtOf(record, this.#recorded_at);
      const received_us = this.#recorded_at * 1000;
      sinceBreath += this.#evaluateRecord(record, registry, received_us, alerts);
      for (const found of this.#producers.silentAt(received_us)) {
        this.#evaluateEvent(
          producerEvent(this.#ports.sha256, found, this.#place, this.#findingTime(received_us)),
          record.offset,
          null,
          alerts,
        );
      }
      if (sinceBreath >= EVENTS_A_BREATH) {
        sinceBreath = 0;
        await this.#giveWay(record.offset, since_ms);
        since_ms = this.#ports.clock_ms();
      }
    }
    return alerts;
  }

  /** Lets other work run. A replay raises nothing, so it also rests, as long as it is told to: others have more urgent work. */
  async #giveWay(offset: number, since_ms: number): Promise<void> {
    const isReplay = this.#restored !== null && offset < this.#restored.offset;
    const rest_ms = isReplay ? (this.#ports.clock_ms() - since_ms) * this.#settings.replay_rest_ratio : 0;
    if (rest_ms > 0) await this.#ports.sleep(rest_ms, this.#assignment.lost);
    else await this.#ports.breathe();
  }

  /** Gives the number of events, at least 1. */
  #evaluateRecord(record: LogRecord, registry: Registry, received_us: number, alerts: Alert[]): number {
    const { sha256, verify } = this.#ports;
    const { audience, topic, incarnation, partitions } = this.#settings;
    const identity = { audience, topic, incarnation, partition: this.#place.partition, partitions };
    const examined = examineRecord({ sha256, verify, identity, registry }, record, this.#recorded_at);
    if (examined.kind === 'sound' && isCanary(examined.batch.header)) {
      this.#evaluateCanaries(examined.batch, record.offset, received_us, alerts);
      return examined.batch.header.count + 1;
    }
    this.#busy_at = this.#recorded_at;
    if (examined.kind === 'rejected') {
      this.#counts.findings++;
      this.#counts.rejected++;
      const event = rejectedRecord(sha256, { ...this.#place, offset: record.offset }, examined.reason, this.#findingTime(received_us));
      this.#evaluateEvent(event, record.offset, NO_EVENT, alerts);
      return 1;
    }
    const { batch } = examined;
    const taken = this.#producers.take(batch.header, Buffer.from(batch.header_hash).toString('hex'), received_us);
    for (const found of taken.findings) {
      this.#counts.findings++;
      const event = producerEvent(sha256, found, this.#place, this.#findingTime(received_us));
      this.#evaluateEvent(event, record.offset, NO_EVENT, alerts);
    }
    // What comes twice is no second act, and what contradicts a number that was taken is none at all.
    if (taken.kind === 'new') this.#evaluateBatch(batch, record.offset, received_us, alerts);
    else if (taken.kind === 'duplicate') this.#counts.duplicates++;
    else this.#counts.rejected++;
    return batch.header.count + 1;
  }

  #evaluateBatch(batch: WalkedBatch, offset: number, received_us: number, alerts: Alert[]): void {
    const { count } = batch.header;
    this.#counts.events += count;
    for (let index = 0; index < count; index++) {
      const event = auditDetectionEvent(batch, index, received_us, this.#fields);
      const time_us = Math.min(event.time_us, received_us);
      if (time_us > this.#latest_us) this.#latest_us = time_us;
      this.#evaluateEvent(event, offset, { index, leaves: batch.leaves }, alerts);
    }
  }

  /** Their producer is not followed: whether it falls silent is what the health of its process tells. */
  #evaluateCanaries(batch: WalkedBatch, offset: number, received_us: number, alerts: Alert[]): void {
    for (let index = 0; index < batch.header.count; index++) {
      const event = auditDetectionEvent(batch, index, received_us, this.#fields);
      const at = { index, leaves: batch.leaves };
      this.#evaluateEvent(event, offset, at, alerts, { engine: this.#canaryEngine, places: this.#canaryPlaces });
    }
  }

  #evaluateEvent(
    event: DetectionEvent,
    offset: number,
    at: EventAt | null,
    alerts: Alert[],
    { engine, places }: { readonly engine: Engine; readonly places: EvidencePlaces } = { engine: this.#engine, places: this.#places },
  ): void {
    const evaluation = engine.evaluate(event);
    if (evaluation.matches.length > 0) {
      this.#counts.match(evaluation.matches);
      if (at !== null) this.#remember(event, offset, at, places);
      if (this.#restored !== null && offset < this.#restored.offset) this.#replayed.set(`${event.tenant}\n${event.id}`, offset);
    }
    for (const alert of evaluation.alerts) alerts.push(alert);
  }

  /** Alerts may rest on it. */
  #remember({ tenant, id, time_us }: DetectionEvent, offset: number, { index, leaves }: EventAt, places: EvidencePlaces): void {
    places.remember(tenant, id, { offset, index, leaves, time_us, received_ms: this.#recorded_at });
  }

  #noPlaces(): EvidencePlaces {
    return new EvidencePlaces({ ...this.#place, incarnation: this.#settings.incarnation });
  }

  #placesOf({ tenant, anchor }: Alert): EvidencePlaces {
    return this.#canaryPlaces.get(tenant, anchor) === null ? this.#places : this.#canaryPlaces;
  }

  /**
   * The time of a finding, which has none of its own: that of the events around it, so that it makes none of them late; where
   * there are none, or they lag far behind, the log's.
   */
  #findingTime(received_us: number): number {
    return Math.min(received_us, Math.max(this.#latest_us, received_us - FINDING_LAG_US));
  }

  /** Nothing came: event time goes on as the clock does. */
  async #rest(): Promise<readonly Alert[]> {
    const now_us = (this.#ports.clock_ms() - this.#settings.idle_lag_ms) * 1000;
    const alerts: Alert[] = [];
    for (const found of this.#producers.silentAt(now_us)) {
      this.#counts.findings++;
      this.#evaluateEvent(
        producerEvent(this.#ports.sha256, found, this.#place, this.#findingTime(now_us)),
        Number.MAX_SAFE_INTEGER,
        null,
        alerts,
      );
    }
    // From the latest event on, not to the clock itself: history that is imported comes after a pause, and is not late for it.
    const passed_us = Math.max(0, now_us - this.#busy_at * 1000);
    if (this.#latest_us > 0) alerts.push(...this.#engine.advance(this.#latest_us + passed_us));
    return alerts;
  }

  #wasGiven(alert: Alert): boolean {
    const restored = this.#restored;
    if (restored === null) return false;
    const includes = (event: string): boolean => this.#replayed.has(`${alert.tenant}\n${event}`);
    return wasGiven(alert, { watermark_us: restored.watermark_us, includes }, this.#ports.rules.correlations);
  }

  async #commit({ offset, watermark_us }: Progress): Promise<void> {
    const outcome = await this.#assignment.commit(offset, formatProgress({ watermark_us }));
    if (outcome.kind === 'fenced') throw this.#lost();
    // Unknown is harmless here: alerts are durable, and the next commit says the same or more.
    if (outcome.kind === 'unknown') this.#ports.events.waiting(this.#place, 'committing', outcome.cause);
  }

  /** What no window reaches back to any more need not be remembered. */
  #forget(): void {
    const watermark_us = this.#engine.stats().watermark_us;
    if (watermark_us === null) return;
    const from_us = watermark_us - this.#replaySpan_us;
    this.#places.forgetBefore(from_us);
    const restored = this.#restored;
    // Once the watermark has passed the last replayed event by all windows, no alert rests on one any more.
    if (restored !== null && from_us > (restored.watermark_us ?? 0) + this.#settings.ahead_us) {
      this.#restored = null;
      this.#replayed.clear();
    }
  }

  /** What there is to tell since the last time; null where that is nothing. */
  #takeFacts(to: number, alerts: number, replayed: boolean): EvaluatedFacts | null {
    if (this.#counts.isEmpty && alerts === 0) return null;
    const places = { places: this.#places.size, places_forgotten: this.#places.forgotten };
    const state = { ...this.#engine.stats(), ...places, producers_forgotten: this.#producers.forgotten };
    return { ...this.#counts.take(), to, recorded_at: this.#recorded_at, alerts, replayed, state };
  }

  /** Tries until it succeeds or the partition is lost. */
  async #persist<T>(what: string, act: () => Promise<T>): Promise<T> {
    for (;;) {
      if (this.#assignment.lost.aborted) throw this.#lost();
      try {
        return await act();
      } catch (error) {
        await this.#pause(what, error as Error);
      }
    }
  }

  async #pause(what: string, cause: Error): Promise<void> {
    if (this.#assignment.lost.aborted) throw this.#lost();
    this.#ports.events.waiting(this.#place, what, cause);
    await this.#ports.sleep(this.#settings.retry_ms, this.#assignment.lost);
  }

  #lost(): PartitionLost {
    return new PartitionLost(`partition ${this.#place.partition} of ${this.#place.topic} is no longer held`);
  }
}
