/** Any event log, made to fail on command: for tests of what survives. */
import { type Fault, type FaultPlan, never, type PortCall } from './fault-plan.ts';
import {
  type Assignment,
  type EventLog,
  type EventLogAdmin,
  type EventLogConsumer,
  EventLogError,
  type EventLogProducer,
  type EventLogReader,
  type ReadOutcome,
} from './port.ts';

export { type Fault, type FaultPlan, never, type PortCall } from './fault-plan.ts';
export { type PlanOptions, randomPlan, recordingPlan, scriptedPlan, type TestPlan } from './plans.ts';

/**
 * The log behind a plan of faults. The plan is asked once for each append, position, bounds, read, committed, holds,
 * commit, topic and createTopics; opening and closing parts, and `run` itself, go through without being asked.
 *
 * - An append or a commit that fails is `unknown`, whether it took effect or not: a caller cannot know. A read that fails
 *   is `unavailable`. Everything else throws EventLogError `log_unavailable`.
 * - `late` hands appends, commits and the creation of topics to `plan.later`, with the arguments as they are by then; a
 *   call without an effect just fails.
 * - Once the plan is dead no call answers, nor does one that was under way, nor is a handler called. The log behind it is
 *   not told: kill it in `plan.crashed`, or a group waits for a member that is gone.
 */
export function withLogFaults(log: EventLog, plan: FaultPlan): EventLog {
  const port = new FailingPort(plan);
  return {
    producer: async () => failingProducer(await port.answer(log.producer()), port),
    reader: async () => failingReader(await port.answer(log.reader()), port),
    consumer: async (options) => failingConsumer(await port.answer(log.consumer(options)), port),
    admin: async () => failingAdmin(await port.answer(log.admin()), port),
    close: () => port.answer(log.close()),
  };
}

const failingProducer = (producer: EventLogProducer, port: FailingPort): EventLogProducer => ({
  append: (records, position) => port.write('append', () => producer.append(records, position), unknown),
  position: (source) => port.ask('position', () => producer.position(source), thrown),
  close: () => port.answer(producer.close()),
});

const failingReader = (reader: EventLogReader, port: FailingPort): EventLogReader => ({
  bounds: (topic, partition) => port.ask('bounds', () => reader.bounds(topic, partition), thrown),
  read: (topic, partition, from, limits) => port.ask('read', () => reader.read(topic, partition, from, limits), unavailable),
  close: () => port.answer(reader.close()),
});

const failingConsumer = (consumer: EventLogConsumer, port: FailingPort): EventLogConsumer => ({
  run: (handle, stop) =>
    port.answer(consumer.run((assignment) => (port.dead ? never() : port.answer(handle(failingAssignment(assignment, port)))), stop)),
});

const failingAssignment = (assignment: Assignment, port: FailingPort): Assignment => ({
  topic: assignment.topic,
  partition: assignment.partition,
  lost: assignment.lost,
  committed: () => port.ask('committed', () => assignment.committed(), thrown),
  bounds: () => port.ask('bounds', () => assignment.bounds(), thrown),
  read: (from, limits) => port.ask('read', () => assignment.read(from, limits), unavailable),
  holds: () => port.ask('holds', () => assignment.holds(), thrown),
  commit: (offset, metadata) => port.write('commit', () => assignment.commit(offset, metadata), unknown),
});

const failingAdmin = (admin: EventLogAdmin, port: FailingPort): EventLogAdmin => ({
  topic: (topic) => port.ask('topic', () => admin.topic(topic), thrown),
  committed: (group, topic, partition) => port.ask('groupCommitted', () => admin.committed(group, topic, partition), thrown),
  createTopics: (topics) => port.write('createTopics', () => admin.createTopics(topics), thrown),
  close: () => port.answer(admin.close()),
});

class FailingPort {
  readonly #plan: FaultPlan;

  constructor(plan: FaultPlan) {
    this.#plan = plan;
  }

  get dead(): boolean {
    return this.#plan.dead;
  }

  /** A call that changes nothing. */
  ask<T, F>(method: string, call: () => Promise<T>, failure: (cause: Error) => F): Promise<T | F> {
    return this.#perform(method, call, failure, () => undefined);
  }

  /** A call whose effect may arrive late. */
  write<T, F>(method: string, call: () => Promise<T>, failure: (cause: Error) => F): Promise<T | F> {
    return this.#perform(method, call, failure, () =>
      this.#plan.later(async () => {
        await call();
      }),
    );
  }

  /** Gives the answer only to a process that still lives. */
  async answer<T>(promise: Promise<T>): Promise<T> {
    try {
      return await promise;
    } finally {
      // A finally that never ends keeps the answer, and the error too.
      if (this.#plan.dead) await never();
    }
  }

  async #perform<T, F>(method: string, effect: () => Promise<T>, failure: (cause: Error) => F, handOver: () => void): Promise<T | F> {
    const plan = this.#plan;
    if (plan.dead) return never();
    const call: PortCall = { port: 'event_log', method };
    const fault = plan.choose(call);
    switch (fault) {
      case 'none':
        return this.answer(effect());
      case 'fail_before':
        return failure(onCommand(method, fault));
      case 'fail_after':
        await this.answer(effect());
        return failure(onCommand(method, fault));
      case 'late':
        handOver();
        return failure(onCommand(method, fault));
      case 'slow':
        await this.answer(plan.pause());
        return this.answer(effect());
      case 'crash_before':
        plan.crashed(call);
        return never();
      case 'crash_after':
        await this.answer(effect());
        plan.crashed(call);
        return never();
      default:
        return fault satisfies never;
    }
  }
}

const onCommand = (method: string, fault: Fault): EventLogError =>
  new EventLogError('log_unavailable', `the event log did not answer ${method} (${fault}, on command): try again`);

const unknown = (cause: Error): { readonly kind: 'unknown'; readonly cause: Error } => ({ kind: 'unknown', cause });
const unavailable = (cause: Error): ReadOutcome => ({ kind: 'unavailable', cause });
const thrown = (cause: Error): never => {
  throw cause;
};
