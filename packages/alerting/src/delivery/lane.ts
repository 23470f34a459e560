/**
 * The way of messages to one notifier: one attempt at a time, each message with its own waits. Nothing is sent before it is
 * kept, and nothing is forgotten before what became of it is kept. That is kept while the next messages are sent, for many at
 * once: a store takes tens of ms for each insert. What a crash finds in between is sent again, with the same id.
 */
import { type RetrySettings, waitAfter } from './backoff.ts';
import type { DeliveryOutcome, Notifier, Timers } from './notifier.ts';
import type { DeliveryRow, DeliveryStore } from './store.ts';

export type DeliveryEvent =
  | { readonly kind: 'delivered'; readonly notifier: string; readonly message_id: string; readonly attempts: number }
  | {
      readonly kind: 'retrying' | 'dead';
      readonly notifier: string;
      readonly message_id: string;
      readonly attempts: number;
      readonly reason: string;
      readonly status: number | null;
    }
  /** Rows could not be read or written; it is tried again. */
  | { readonly kind: 'store_failed'; readonly notifier: string; readonly cause: unknown };

export interface LaneOptions {
  readonly notifier: Notifier;
  readonly store: DeliveryStore;
  readonly clock_ms: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  readonly timers: Timers;
  readonly retry: RetrySettings;
  /** Messages held in memory; the others wait in the store alone. */
  readonly queue_messages_max: number;
  readonly onEvent: (event: DeliveryEvent) => void;
}

export interface Lane {
  /** Takes a message whose row is kept. */
  add(row: DeliveryRow): void;
  /** Takes up what the store holds. */
  resume(): void;
  /** Ends after the attempt that runs, which is aborted, and what became of messages is kept. What is queued stays so in the store. */
  stop(): Promise<void>;
  /** Messages in memory, and whether the store has more. */
  readonly waiting: { readonly messages: number; readonly more: boolean };
}

interface Entry {
  readonly row: DeliveryRow;
  readonly at_ms: number;
}

const STORE_RETRY_MS = 5_000;
/** Messages that were sent and whose outcome is not kept: so many a crash may send twice. */
const UNSAVED_MAX = 100;

export function createLane(options: LaneOptions): Lane {
  const { notifier, store, clock_ms: clock, timers, retry, onEvent } = options;
  const queue = new Map<string, Entry>();
  /** What became of messages and is not kept yet; they stay in the queue. */
  const unsaved = new Map<string, DeliveryRow>();
  const stop = new AbortController();
  /** The store may hold queued messages that memory does not. */
  let more = false;
  let storeRestsUntil = 0;
  let running: Promise<void> | null = null;
  let saving: Promise<void> | null = null;
  /** Something came while `run` was at work, or was just ending. */
  let again = false;
  let forgetTimer: (() => void) | null = null;

  const entryOf = (row: DeliveryRow): Entry => ({ row, at_ms: row.next_attempt_at ?? 0 });
  const storeFailed = (cause: unknown): void => {
    storeRestsUntil = clock() + STORE_RETRY_MS;
    onEvent({ kind: 'store_failed', notifier: notifier.name, cause });
  };

  async function save(rows: readonly DeliveryRow[]): Promise<boolean> {
    try {
      const outcome = await store.insertDeliveries(rows);
      if (outcome.kind === 'stored') return true;
      storeFailed(outcome.cause);
    } catch (cause) {
      storeFailed(cause);
    }
    return false;
  }

  async function load(): Promise<void> {
    try {
      const room = options.queue_messages_max;
      const rows = await store.queuedDeliveries(notifier.name, room);
      for (const row of rows) if (!queue.has(row.message_id)) queue.set(row.message_id, entryOf(row));
      if (rows.length < room) more = false;
    } catch (cause) {
      storeFailed(cause);
    }
  }

  function tell({ state, message_id, attempts, reason, status }: DeliveryRow): void {
    const about = { notifier: notifier.name, message_id, attempts };
    if (state === 'DELIVERED') onEvent({ kind: 'delivered', ...about });
    else onEvent({ kind: state === 'DEAD' ? 'dead' : 'retrying', ...about, reason: reason ?? '', status });
  }

  async function saveOutcomes(): Promise<void> {
    const rows = [...unsaved.values()];
    if (!(await save(rows))) return;
    for (const row of rows) {
      unsaved.delete(row.message_id);
      if (row.state === 'QUEUED') queue.set(row.message_id, entryOf(row));
      else queue.delete(row.message_id);
    }
  }

  /** Begins to keep outcomes where there are some, and nobody is at it. */
  function keepOutcomes(): void {
    if (saving !== null || unsaved.size === 0 || clock() < storeRestsUntil) return;
    saving = saveOutcomes().finally(() => {
      saving = null;
      wake();
    });
  }

  async function attempt(row: DeliveryRow): Promise<void> {
    const outcome = await notifier.deliver(row.message_id, row.body, stop.signal);
    if (outcome.kind === 'stopped') return;
    const next = after(row, outcome, clock(), retry, options.random());
    tell(next);
    queue.set(row.message_id, { row: next, at_ms: Number.POSITIVE_INFINITY });
    unsaved.set(row.message_id, next);
  }

  /** What can be done now, or when to look again; null where nothing waits. */
  function step(): (() => Promise<void>) | number | null {
    const now = clock();
    keepOutcomes();
    // Once some are kept, or the store is to be asked again, there is a next step.
    const rested = unsaved.size > 0 && saving === null ? storeRestsUntil : null;
    if (unsaved.size >= UNSAVED_MAX) return rested;
    // A little room is no reason to ask the store: half of the queue is.
    if (more && queue.size <= options.queue_messages_max / 2 && now >= storeRestsUntil) return load;
    let soonest: Entry | null = null;
    for (const entry of queue.values()) if (soonest === null || entry.at_ms < soonest.at_ms) soonest = entry;
    if (soonest !== null && soonest.at_ms <= now) {
      const { row } = soonest;
      return () => attempt(row);
    }
    const asks = more && queue.size <= options.queue_messages_max / 2;
    const times = [
      soonest?.at_ms ?? Number.POSITIVE_INFINITY,
      asks ? storeRestsUntil : Number.POSITIVE_INFINITY,
      rested ?? Number.POSITIVE_INFINITY,
    ];
    const next = Math.min(...times);
    return next === Number.POSITIVE_INFINITY ? null : next;
  }

  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      const next = step();
      if (typeof next === 'function') await next();
      else {
        if (next !== null) forgetTimer = timers.after(Math.max(1, next - clock()), wake);
        return;
      }
    }
  }

  function wake(): void {
    if (stop.signal.aborted) return;
    if (running !== null) {
      again = true;
      return;
    }
    again = false;
    forgetTimer?.();
    forgetTimer = null;
    running = run().finally(() => {
      running = null;
      if (again) wake();
    });
  }

  return {
    add(row) {
      if (queue.size >= options.queue_messages_max) more = true;
      else queue.set(row.message_id, entryOf(row));
      wake();
    },
    resume() {
      more = true;
      wake();
    },
    async stop() {
      stop.abort();
      forgetTimer?.();
      await running;
      await saving;
      if (unsaved.size > 0) await saveOutcomes();
    },
    get waiting() {
      return { messages: queue.size, more };
    },
  };
}

/** The row after an attempt. */
function after(
  row: DeliveryRow,
  outcome: Exclude<DeliveryOutcome, { readonly kind: 'stopped' }>,
  now_ms: number,
  retry: RetrySettings,
  random: number,
): DeliveryRow {
  const attempts = row.attempts + 1;
  const base = { ...row, sequence: row.sequence + 1, attempts, updated_at: now_ms, status: outcome.status };
  if (outcome.kind === 'delivered') return { ...base, state: 'DELIVERED', next_attempt_at: null, reason: null };
  if (outcome.kind === 'refused' || attempts >= retry.attempts_max)
    return { ...base, state: 'DEAD', next_attempt_at: null, reason: outcome.reason };
  return { ...base, next_attempt_at: now_ms + waitAfter(retry, attempts, random, outcome.retry_after_ms), reason: outcome.reason };
}
