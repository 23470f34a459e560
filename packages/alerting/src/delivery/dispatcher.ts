import { AlertingError } from '../errors.ts';
import type { Message } from '../message.ts';
import { RETRY_DEFAULTS, type RetrySettings } from './backoff.ts';
import { createLane, type DeliveryEvent, type Lane } from './lane.ts';
import type { Notifier, Timers } from './notifier.ts';
import type { DeliveryRow, DeliveryStore } from './store.ts';

export interface DispatcherOptions {
  readonly notifiers: readonly Notifier[];
  readonly store: DeliveryStore;
  readonly clock_ms: () => number;
  /** In [0, 1): spreads the waits. */
  readonly random: () => number;
  readonly timers: Timers;
  readonly retry?: Partial<RetrySettings>;
  /** Messages of one notifier that are held in memory; 1,000 when absent. The others wait in the store. */
  readonly queue_messages_max?: number;
  readonly onEvent?: (event: DeliveryEvent) => void;
}

export interface Dispatcher {
  /** Takes up what was queued when the process before ended. */
  start(): void;
  /**
   * Keeps the messages, and sends them in their time. Rejects where they could not be kept: give them again; then some may
   * be sent twice, with the same id. Throws AlertingError `settings_invalid` for a notifier that there is not, `stopped`.
   */
  enqueue(messages: readonly Message[]): Promise<void>;
  /** Sends a dead letter again, with all attempts before it. Throws AlertingError `message_unknown`. */
  resend(notifier: string, messageId: string): Promise<void>;
  /** Messages in memory by notifier. */
  waiting(): Readonly<Record<string, Lane['waiting']>>;
  /** Resolves when no attempt runs. What is queued is taken up by the next start. */
  stop(): Promise<void>;
}

const QUEUE_MESSAGES_MAX = 1_000;

export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { store, clock_ms: clock } = options;
  const onEvent = options.onEvent ?? (() => undefined);
  const retry = { ...RETRY_DEFAULTS, ...options.retry };
  const lanes = new Map(
    options.notifiers.map((notifier) => [
      notifier.name,
      {
        notifier,
        lane: createLane({
          notifier,
          store,
          clock_ms: clock,
          random: options.random,
          timers: options.timers,
          retry,
          queue_messages_max: options.queue_messages_max ?? QUEUE_MESSAGES_MAX,
          onEvent,
        }),
      },
    ]),
  );
  if (lanes.size !== options.notifiers.length)
    throw new AlertingError('settings_invalid', 'two notifiers have the same name: give each its own');
  let stopped = false;
  const laneOf = (name: string): { readonly notifier: Notifier; readonly lane: Lane } => {
    if (stopped) throw new AlertingError('stopped', 'the dispatcher was stopped: make another');
    const found = lanes.get(name);
    if (found === undefined)
      throw new AlertingError('settings_invalid', `there is no notifier ${name}: configure it, or take it out of the routes`);
    return found;
  };

  async function keep(rows: readonly DeliveryRow[]): Promise<void> {
    if (rows.length === 0) return;
    const outcome = await store.insertDeliveries(rows);
    if (outcome.kind !== 'stored') throw outcome.cause;
    for (const row of rows) laneOf(row.notifier).lane.add(row);
  }

  return {
    start() {
      for (const { lane } of lanes.values()) lane.resume();
    },
    enqueue: async (messages) => keep(messages.map((message) => rowOf(message, laneOf(message.notifier).notifier.body(message), clock()))),
    async resend(name, id) {
      laneOf(name);
      const row = await store.delivery(name, id);
      if (row?.state !== 'DEAD')
        throw new AlertingError(
          'message_unknown',
          `notifier ${name} has no dead letter ${id.slice(0, 64)}: list them to see what can be sent again`,
        );
      const now = clock();
      await keep([{ ...row, sequence: row.sequence + 1, state: 'QUEUED', attempts: 0, updated_at: now, next_attempt_at: now }]);
    },
    waiting: () => Object.fromEntries([...lanes].map(([name, { lane }]) => [name, lane.waiting])),
    async stop() {
      stopped = true;
      await Promise.all([...lanes.values()].map(({ lane }) => lane.stop()));
    },
  };
}

const rowOf = (message: Message, body: string, now_ms: number): DeliveryRow => ({
  message_id: message.id,
  notifier: message.notifier,
  sequence: 0,
  state: 'QUEUED',
  attempts: 0,
  created_at: now_ms,
  updated_at: now_ms,
  next_attempt_at: now_ms,
  status: null,
  reason: null,
  level: message.level,
  alerts_count: message.count,
  groups: message.groups.map(({ id }) => id),
  alerts: message.groups.flatMap(({ alerts }) => alerts.map(({ id }) => id)),
  body,
});
