import { type Assignment, asError, type ConsumerEnd } from '@sealtrail/event-log';
import { type AssignmentLoss, KafkaAssignment } from './assignment.ts';
import { closed, isPassing, isRefusedCommit, noTopic, reasonOf, typeOf, unavailable } from './failures.ts';
import { GroupLink, type Joined } from './group-link.ts';
import { Link } from './link.ts';
import { PartitionReads } from './partition-reads.ts';
import { abortionOf, pause } from './pause.ts';
import type { KafkaSettings } from './settings.ts';
import { fetchTopic } from './topic-metadata.ts';

export interface ConsumerRunOptions {
  readonly settings: KafkaSettings;
  readonly group: string;
  readonly topic: string;
  readonly handle: (assignment: Assignment) => Promise<void>;
}

/** How long a member that is told to stop waits for a join that is under way, so that it can leave in order. */
const join_grace_ms = 5_000;

/** One generation's work. */
interface Tenure {
  readonly assignments: readonly KafkaAssignment[];
  readonly links: readonly Link[];
  readonly handled: Promise<unknown>;
  /** Aborted when the generation is known to be over. */
  readonly over: AbortController;
}

/**
 * A member of a group, for one run: joins, hands out assignments, and keeps them by heartbeats of its own for as long as
 * the handlers work. The order of a rebalance is what keeps generations apart: first every assignment is lost, then the
 * handlers return, then the member joins again.
 */
export class ConsumerRun {
  readonly #options: ConsumerRunOptions;
  readonly #link: Link;
  readonly #group: GroupLink;
  readonly #ending = new AbortController();
  #end: ConsumerEnd | null = null;
  #member_id = '';
  #since_ms: number;
  #tenure: Tenure | null = null;
  #left: Promise<void> | null = null;

  constructor(options: ConsumerRunOptions) {
    this.#options = options;
    this.#link = new Link(options.settings);
    this.#group = new GroupLink(this.#link, options.group, options.topic);
    this.#since_ms = options.settings.clock_ms();
  }

  async untilEnd(stop: AbortSignal): Promise<ConsumerEnd> {
    const stopped = (): void => this.#finish({ kind: 'stopped' });
    stop.addEventListener('abort', stopped);
    if (stop.aborted) stopped();
    try {
      if (this.#end === null) await this.#findTopic();
      while (this.#end === null) {
        const joined = await this.#join();
        if (joined !== null) await this.#serve(joined);
      }
      await this.#leave();
    } catch (thrown) {
      this.#finish({ kind: 'failed', cause: asError(thrown) });
    } finally {
      stop.removeEventListener('abort', stopped);
      this.#link.close();
    }
    return this.#end ?? { kind: 'stopped' };
  }

  /** The log is being closed: what is held goes back at once, whatever the handlers still do. */
  async close(): Promise<void> {
    this.#finish({ kind: 'failed', cause: closed() });
    await this.#leave();
    this.#link.close();
  }

  async #findTopic(): Promise<void> {
    const { topic } = this.#options;
    const { found } = await this.#link.ask(`look up topic ${topic}`, async () => fetchTopic(await this.#link.anyBroker(), topic));
    if (found === null) this.#finish({ kind: 'failed', cause: noTopic(topic) });
  }

  /** Tries to join until it succeeds; null when the run ended meanwhile. */
  async #join(): Promise<Joined | null> {
    const { settings, group } = this.#options;
    for (let attempt = 0; this.#end === null; attempt += 1) {
      try {
        const joining = this.#group.join(this.#member_id, this.#since_ms, (member_id) => {
          this.#member_id = member_id;
        });
        const ended = abortionOf(this.#ending.signal);
        const given_up = ended.happened.then(() => pause(join_grace_ms));
        const joined = await Promise.race([joining, given_up]).finally(() => ended.forget());
        if (joined !== undefined) return this.#end === null ? joined : null;
        // The link is closed next: the join ends with it.
        joining.catch((error: unknown) => settings.log({ level: 'info', message: `a join of ${group} was given up: ${reasonOf(error)}` }));
      } catch (error) {
        this.#link.failed(error);
        if (typeOf(error) === 'UNKNOWN_MEMBER_ID') this.#forgetMember();
        else if (!isRefusedCommit(error) && !isPassing(error)) {
          this.#finish({ kind: 'failed', cause: unavailable(`join group ${group}`, error) });
        } else {
          settings.log({ level: 'warn', message: `joining group ${group} is tried again: ${typeOf(error) || reasonOf(error)}` });
        }
        if (this.#end === null) await this.#link.pause(attempt, this.#ending.signal);
      }
    }
    return null;
  }

  async #serve(joined: Joined): Promise<void> {
    const tenure = this.#begin(joined);
    this.#tenure = tenure;
    const { heartbeat_interval_ms } = this.#options.settings.timings;
    const isOver = (): boolean => tenure.over.signal.aborted || this.#end !== null;
    while (!isOver()) {
      await pause(heartbeat_interval_ms, tenure.over.signal, this.#ending.signal);
      if (!isOver()) await this.#beat(joined, tenure);
    }
    for (const assignment of tenure.assignments) assignment.lose();

    // Handlers may be at work for long; without a sign of life the broker would go on without this member.
    const handled = tenure.handled.then(() => true);
    while (!(await Promise.race([handled, pause(heartbeat_interval_ms)]))) await this.#beat(joined, tenure);
    this.#tenure = null;
    for (const link of tenure.links) link.close();
  }

  /** One heartbeat. A connection that fails is made again; the broker alone decides whether the member is still one. */
  async #beat(joined: Joined, tenure: Tenure): Promise<void> {
    const { group, settings } = this.#options;
    try {
      await this.#group.heartbeat(joined);
    } catch (error) {
      this.#link.failed(error);
      if (isRefusedCommit(error)) {
        if (typeOf(error) === 'UNKNOWN_MEMBER_ID') this.#forgetMember();
        tenure.over.abort();
      } else if (!isPassing(error)) {
        this.#finish({ kind: 'failed', cause: unavailable(`stay in group ${group}`, error) });
      } else if (!this.#link.isClosed) {
        settings.log({ level: 'warn', message: `a heartbeat to group ${group} failed: ${typeOf(error) || reasonOf(error)}` });
      }
    }
  }

  #begin(joined: Joined): Tenure {
    const { settings, topic } = this.#options;
    const over = new AbortController();
    const learnt = (loss: AssignmentLoss): void => {
      settings.log({ level: 'info', message: `the assignments of generation ${joined.generation_id} end: one was ${loss}` });
      over.abort();
    };
    const links: Link[] = [];
    const assignments = joined.partitions.map((partition) => {
      // Of its own: a broker answers the requests of a connection in turn, and a fetch may wait there.
      const link = new Link(settings);
      links.push(link);
      const reads = new PartitionReads(link, new Map([[topic, joined.topic_id]]));
      return new KafkaAssignment(this.#group, reads, partition, joined, learnt);
    });
    const handled = Promise.all(assignments.map((assignment) => this.#handleOne(assignment)));
    return { assignments, links, handled, over };
  }

  async #handleOne(assignment: KafkaAssignment): Promise<void> {
    try {
      await this.#options.handle(assignment);
    } catch (thrown) {
      this.#finish({ kind: 'failed', cause: asError(thrown) });
    }
  }

  /** Once: the log's closing and the run's end may both ask. */
  #leave(): Promise<void> {
    this.#left ??= this.#leaveNow();
    return this.#left;
  }

  async #leaveNow(): Promise<void> {
    if (this.#member_id === '') return;
    const { settings, group } = this.#options;
    const enough = new AbortController();
    const left = this.#group.leave(this.#member_id).catch((error: unknown) => {
      // The broker finds out by itself, after the session timeout.
      settings.log({ level: 'warn', message: `group ${group} was not told that its member leaves: ${typeOf(error) || reasonOf(error)}` });
    });
    await Promise.race([left, pause(settings.timings.answer_timeout_ms, enough.signal)]);
    enough.abort();
  }

  #forgetMember(): void {
    this.#member_id = '';
    this.#since_ms = this.#options.settings.clock_ms();
  }

  #finish(end: ConsumerEnd): void {
    if (this.#end?.kind !== 'failed') this.#end = end;
    this.#ending.abort();
    for (const assignment of this.#tenure?.assignments ?? []) assignment.lose();
  }
}
