import type { AppendOutcome, AppendRefusal, EventLogProducer } from '@sealtrail/event-log';
import type { EmitterProblem } from './audit.ts';
import type { SignedBatch } from './batch-signer.ts';
import type { QueuedBatch } from './channel.ts';
import { EmitterError } from './errors.ts';
import { asEmitterError } from './event-encoder.ts';
import type { Timers } from './options.ts';

/** Records of one append, and bytes after which no more are taken: what is signed without a pause. Kafka's batches of records end below 1 MB. */
const APPEND_RECORDS_MAX = 32;
const APPEND_BYTES_MAX = 768 * 1024;

export interface OutboxOptions {
  readonly log: EventLogProducer;
  readonly topic: string;
  readonly timers: Timers;
  readonly random: (bytes: number) => Uint8Array;
  readonly retry_ms_min: number;
  readonly retry_ms_max: number;
  /** `soon` leaves signing to another event turn than the one that filled the batch. */
  readonly starts: 'now' | 'soon';
  /** Signs a batch under its number. Called once a batch, in the order of the queue. */
  readonly sign: (batch: QueuedBatch) => SignedBatch;
  /** Called once a batch, when its end is known, or known not to be known. */
  readonly settled: (batch: QueuedBatch, end: BatchEnd) => void;
  readonly problem: (problem: EmitterProblem) => void;
}

export type BatchEnd =
  | { readonly kind: 'durable' }
  /** It is not in the event log. */
  | { readonly kind: 'lost'; readonly error: EmitterError }
  /** It was given up after an append of which nobody knows what it did: it may be in the event log. */
  | { readonly kind: 'unconfirmed'; readonly error: EmitterError };

/**
 * Sends closed batches in order, one append at a time. A batch is signed once; whatever happens to its append, the same
 * bytes are sent again, so one number never stands for two contents.
 */
export interface Outbox {
  push(batch: QueuedBatch): void;
  /** Resolves when everything pushed so far is settled. */
  settledSoFar(): Promise<void>;
  /** Gives up everything that is not settled. */
  abandon(error: EmitterError): void;
  readonly batches: number;
  readonly retries: number;
}

interface Signed {
  readonly batch: QueuedBatch;
  readonly record: SignedBatch;
  /** An append of it is under way, or its outcome is unknown: whatever a later one says, it may be in the event log. */
  unconfirmed: boolean;
}

export function createOutbox(options: OutboxOptions): Outbox {
  const { log, topic, timers, settled, problem } = options;
  const queue: QueuedBatch[] = [];
  let head = 0;
  let inHand: Signed[] = [];
  let running = false;
  let abandoned: EmitterError | null = null;
  let pushed = 0;
  let done = 0;
  let retries = 0;
  let pause_ms = 0;
  let wake: (() => void) | null = null;
  const unsettled = new Set<QueuedBatch>();
  const waiting: { readonly until: number; readonly resolve: () => void }[] = [];

  const finish = (batch: QueuedBatch, end: BatchEnd): void => {
    unsettled.delete(batch);
    done++;
    settled(batch, end);
    while (waiting.length > 0 && (waiting[0] as { until: number }).until <= done) waiting.shift()?.resolve();
  };

  /** Takes the next batches from the queue and signs them. */
  const fillHand = (): void => {
    let bytes = 0;
    while (head < queue.length && inHand.length < APPEND_RECORDS_MAX && bytes < APPEND_BYTES_MAX) {
      const batch = queue[head++] as QueuedBatch;
      try {
        const record = options.sign(batch);
        bytes += record.value.length;
        inHand.push({ batch, record, unconfirmed: false });
      } catch (thrown) {
        const error = asEmitterError(thrown);
        problem(describe('event_dropped', error, batch, 'could not be signed'));
        finish(batch, { kind: 'lost', error });
      }
    }
    if (head > 1_024 || head === queue.length) {
      queue.splice(0, head);
      head = 0;
    }
  };

  const append = async (signed: readonly Signed[]): Promise<AppendOutcome> => {
    try {
      return await log.append(signed.map(({ record }) => ({ topic, key: record.key, value: record.value })));
    } catch (thrown) {
      // The port answers with outcomes; an adapter that throws has told us nothing about what it did.
      return { kind: 'unknown', cause: thrown instanceof Error ? thrown : new Error('the event log threw', { cause: thrown }) };
    }
  };

  const pause = async (): Promise<void> => {
    pause_ms = Math.min(options.retry_ms_max, pause_ms === 0 ? options.retry_ms_min : pause_ms * 2);
    // Half of it is drawn, so that many producers do not come back at once.
    const drawn = ((options.random(1)[0] as number) / 256) * (pause_ms / 2);
    retries++;
    await new Promise<void>((resolve) => {
      const cancel = timers.after(Math.ceil(pause_ms / 2 + drawn), () => {
        wake = null;
        resolve();
      });
      wake = () => {
        cancel();
        wake = null;
        resolve();
      };
    });
  };

  /** Sends some of the hand until they are settled, or must be tried again later. Returns what remains. */
  const send = async (signed: Signed[]): Promise<Signed[]> => {
    const before = signed.map(({ unconfirmed }) => unconfirmed);
    for (const one of signed) one.unconfirmed = true;
    const outcome = await append(signed);
    if (abandoned !== null) return signed;
    // A refusal took no effect, and tells nothing of the appends before it.
    if (outcome.kind === 'refused') for (const [i, one] of signed.entries()) one.unconfirmed = before[i] as boolean;
    if (outcome.kind === 'appended') {
      pause_ms = 0;
      for (const { batch } of signed) finish(batch, { kind: 'durable' });
      return [];
    }
    if (outcome.kind === 'unknown') {
      report(
        'append_retried',
        'append_unconfirmed',
        signed,
        'the event log did not confirm it; the same bytes are sent again',
        outcome.cause,
      );
      return signed;
    }
    // One record may have spoilt it for all: each is asked for on its own.
    if (signed.length > 1) {
      for (let i = 0; i < signed.length; i++) {
        const rest = await send([signed[i] as Signed]);
        if (rest.length > 0) return [...rest, ...signed.slice(i + 1)];
      }
      return [];
    }
    const { batch, unconfirmed } = signed[0] as Signed;
    // A caller that waits can act on a refusal; a batch without one is kept through what an operator can lift.
    if (batch.waiting.length === 0 && isPassing(outcome.code)) {
      report(
        'append_retried',
        'append_refused',
        signed,
        `the event log refused it (${outcome.code}); it is kept and tried again`,
        outcome.cause,
      );
      return signed;
    }
    const refused = `was refused by the event log (${outcome.code})`;
    const what = unconfirmed ? `${refused} after an append that was not confirmed: it may be recorded` : `${refused}: it is not recorded`;
    const error = new EmitterError(unconfirmed ? 'append_unconfirmed' : 'append_refused', `${nameOf(batch)} ${what}`, {
      cause: outcome.cause,
    });
    problem(describe(unconfirmed ? 'batch_unconfirmed' : 'batch_refused', error, batch, what));
    finish(batch, { kind: unconfirmed ? 'unconfirmed' : 'lost', error });
    return [];
  };

  const report = (
    kind: EmitterProblem['kind'],
    code: EmitterProblem['code'],
    signed: readonly Signed[],
    what: string,
    cause: unknown,
  ): void => {
    const first = (signed[0] as Signed).batch;
    const events = signed.reduce((sum, { batch }) => sum + (batch.events?.count ?? 0), 0);
    const more = signed.length > 1 ? ` and ${signed.length - 1} more` : '';
    problem({ kind, code, tenant: first.channel.tenant, events, message: `${nameOf(first)}${more}: ${what}`, cause });
  };

  const run = async (): Promise<void> => {
    while (abandoned === null) {
      if (inHand.length === 0) fillHand();
      if (inHand.length === 0) break;
      inHand = await send(inHand);
      if (inHand.length > 0 && abandoned === null) await pause();
    }
    running = false;
  };

  return {
    push(batch) {
      pushed++;
      unsettled.add(batch);
      if (abandoned !== null) return finish(batch, { kind: 'lost', error: abandoned });
      queue.push(batch);
      if (running) return;
      running = true;
      if (options.starts === 'now') void run();
      else timers.soon(() => void run());
    },
    settledSoFar() {
      if (done >= pushed) return Promise.resolve();
      return new Promise((resolve) => waiting.push({ until: pushed, resolve }));
    },
    abandon(error) {
      abandoned = error;
      const sent = new Set(inHand.filter(({ unconfirmed }) => unconfirmed).map(({ batch }) => batch));
      for (const batch of unsettled) finish(batch, { kind: sent.has(batch) ? 'unconfirmed' : 'lost', error });
      wake?.();
    },
    get batches() {
      return pushed - done;
    },
    get retries() {
      return retries;
    },
  };
}

/** Refusals that an operator can lift: disk space freed, a topic created. */
const isPassing = (code: AppendRefusal): boolean => code === 'no_space' || code === 'unknown_topic';

const nameOf = ({ channel, kind }: QueuedBatch): string => `a ${channel.delivery} ${kind} batch of tenant ${channel.tenant}`;

const describe = (kind: EmitterProblem['kind'], error: EmitterError, batch: QueuedBatch, what: string): EmitterProblem => ({
  kind,
  code: error.code,
  tenant: batch.channel.tenant,
  events: batch.events?.count ?? 0,
  message: `${nameOf(batch)} ${what}`,
  cause: error.cause ?? error,
});
