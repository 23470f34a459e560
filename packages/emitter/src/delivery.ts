import type { BatchKind, Delivery, PredecessorInstance } from '@sealtrail/wire';
import type { EmitterProblem } from './audit.ts';
import type { BatchSigner, SignedBatch } from './batch-signer.ts';
import { type Channel, type Channels, createChannels, type QueuedBatch, type Waiter } from './channel.ts';
import { EmitterError } from './errors.ts';
import { createEventBuffer } from './event-buffer.ts';
import type { InstanceState, Limits, Timers } from './options.ts';
import { type BatchEnd, createOutbox, type Outbox, type OutboxOptions } from './outbox.ts';
import type { StatsByDelivery } from './stats.ts';

/** An event in its final bytes. */
export interface EncodedEvent {
  readonly bytes: Uint8Array;
  readonly length: number;
  readonly ends: Uint32Array;
}

export interface DeliveryOptions {
  readonly outbox: Pick<OutboxOptions, 'log' | 'topic' | 'random'>;
  readonly signer: BatchSigner;
  readonly instance: Uint8Array;
  readonly limits: Limits;
  readonly timers: Timers;
  readonly stats: StatsByDelivery;
  readonly state: InstanceState | undefined;
  readonly problem: (problem: EmitterProblem) => void;
  /** Runs a caller's code; what it throws is counted. */
  readonly guarded: <T>(work: () => T, otherwise: T) => T;
}

/** From encoded events to durable batches: batching, lingering, shedding, heartbeats, and the end. */
export interface DeliveryLine {
  /** Takes an event, or sheds it. */
  routine(tenant: string, event: EncodedEvent): void;
  /** Resolves when durable; rejects with an EmitterError. */
  critical(tenant: string, event: EncodedEvent): Promise<void>;
  /** Counts an event that will be in no batch, so that the next header says so. */
  lost(tenant: string, delivery: Delivery): void;
  /** Counts memory that ROUTINE events take elsewhere; false when there is no room. */
  reserve(bytes: number): boolean;
  release(bytes: number): void;
  announce(tenant: string): void;
  flush(): Promise<void>;
  /** Sends all and a CLOSE for every class of every tenant; returns the events and batches that did not get out. */
  close(): Promise<{ readonly events_lost: number; readonly events_unconfirmed: number; readonly batches: number }>;
  readonly routine_bytes: number;
  readonly critical_bytes: number;
  readonly batches_waiting: number;
  readonly retries: number;
}

export function createDeliveryLine(options: DeliveryOptions): DeliveryLine {
  const { signer, limits, timers, stats, state, problem, guarded } = options;
  const channels: Channels = createChannels();
  const waitingBytes: Record<Delivery, number> = { ROUTINE: 0, CRITICAL: 0 };
  // Channels whose open batch lingers; CRITICAL ones wait for the end of the event turn only.
  const open: Record<Delivery, Set<Channel>> = { ROUTINE: new Set(), CRITICAL: new Set() };
  let cancelLinger: (() => void) | null = null;
  let cancelHeartbeat: (() => void) | null = null;
  let criticalTurn = false;
  let failedBatches = 0;
  const predecessors = new Map<string, PredecessorInstance | null>();

  /** Asked once a tenant: after the first `record` the state port knows this life only. */
  const predecessorOf = (tenant: string, from: InstanceState): PredecessorInstance | null => {
    let known = predecessors.get(tenant);
    if (known === undefined) {
      known = guarded(() => from.previous(tenant), null);
      predecessors.set(tenant, known);
    }
    return known;
  };

  const sign = ({ channel, kind, events }: QueuedBatch): SignedBatch => {
    const { tenant, delivery } = channel;
    const isFirst = signer.nextSequence(tenant, delivery) === 0;
    const predecessor = isFirst && state !== undefined ? predecessorOf(tenant, state) : null;
    const header = { tenant, delivery, kind, shed: channel.shed, predecessor };
    const signed = events === null ? signer.sign({ ...header, events: [] }) : signer.signEncoded(header, events.encoded());
    if (state !== undefined) {
      const next = {
        instance: options.instance,
        routine: signer.nextSequence(tenant, 'ROUTINE'),
        critical: signer.nextSequence(tenant, 'CRITICAL'),
      };
      guarded(() => state.record(tenant, next), undefined);
    }
    return signed;
  };

  const settled = ({ channel, kind, events, waiting }: QueuedBatch, end: BatchEnd): void => {
    const counts = stats[channel.delivery];
    const count = events?.count ?? 0;
    channel.queued--;
    waitingBytes[channel.delivery] -= events?.bytes ?? 0;
    if (end.kind === 'durable') {
      counts.sent_batches++;
      counts.sent_events += count;
      if (kind === 'HEARTBEAT') counts.sent_heartbeats++;
    } else {
      failedBatches++;
      // A number may be missing now; the next header says how many events it held.
      channel.shed += count;
      if (end.kind === 'lost') counts.lost_events += count;
      else counts.unconfirmed_events += count;
    }
    for (const waiter of waiting) waiter.settle(end.kind === 'durable' ? null : end.error);
  };

  const outboxFor = (starts: OutboxOptions['starts']): Outbox =>
    createOutbox({
      ...options.outbox,
      timers,
      retry_ms_min: limits.retry_ms_min,
      retry_ms_max: limits.retry_ms_max,
      starts,
      sign,
      settled,
      problem,
    });
  const outboxes: Record<Delivery, Outbox> = { ROUTINE: outboxFor('soon'), CRITICAL: outboxFor('now') };

  const push = (channel: Channel, kind: BatchKind): void => {
    const batch: QueuedBatch = { channel, kind, events: channel.open?.events ?? null, waiting: channel.open?.waiting ?? [] };
    if (batch.events !== null) channel.before = { bytes: batch.events.bytes, count: batch.events.count };
    channel.open = null;
    open[channel.delivery].delete(channel);
    channel.queued++;
    channel.used = true;
    channel.active = true;
    outboxes[channel.delivery].push(batch);
  };

  const closeOpen = (delivery: Delivery): void => {
    for (const channel of Array.from(open[delivery])) push(channel, 'DATA');
  };

  const add = (channel: Channel, event: EncodedEvent, waiter: Waiter | null): void => {
    if (channel.open !== null && channel.open.events.bytes + event.length > limits.batch_bytes_max) push(channel, 'DATA');
    channel.open ??= { events: createEventBuffer(channel.before), waiting: [] };
    channel.open.events.append(event.bytes, event.length, event.ends);
    if (waiter !== null) channel.open.waiting.push(waiter);
    waitingBytes[channel.delivery] += event.length;
    open[channel.delivery].add(channel);
    if (channel.open.events.count >= limits.batch_events_max || channel.open.events.bytes >= limits.batch_bytes_max) push(channel, 'DATA');
  };

  const linger = (): void => {
    cancelLinger ??= timers.after(limits.linger_ms, () => {
      cancelLinger = null;
      closeOpen('ROUTINE');
    });
  };

  const heartbeat = (): void => {
    for (const channel of channels.all()) {
      const isDue = !channel.active && channel.queued === 0 && channel.open === null && (channel.used || channel.shed > 0);
      channel.active = false;
      if (isDue) {
        push(channel, 'HEARTBEAT');
        channel.active = false; // its own heartbeat does not count as news
      }
    }
    cancelHeartbeat = timers.after(limits.heartbeat_ms, heartbeat, 'no');
  };
  if (limits.heartbeat_ms > 0) cancelHeartbeat = timers.after(limits.heartbeat_ms, heartbeat, 'no');

  const shed = (tenant: string): void => {
    channels.of(tenant, 'ROUTINE').shed++;
    stats.ROUTINE.shed_events++;
    problem({
      kind: 'event_shed',
      code: 'overloaded',
      tenant,
      events: 1,
      message: `an event of tenant ${tenant} was dropped: ${limits.memory_bytes_max} bytes of events already wait for the event log`,
    });
  };

  const flush = async (): Promise<void> => {
    closeOpen('ROUTINE');
    closeOpen('CRITICAL');
    await Promise.all([outboxes.ROUTINE.settledSoFar(), outboxes.CRITICAL.settledSoFar()]);
  };

  return {
    routine(tenant, event) {
      if (waitingBytes.ROUTINE + event.length > limits.memory_bytes_max) return shed(tenant);
      add(channels.of(tenant, 'ROUTINE'), event, null);
      if (open.ROUTINE.size > 0) linger();
    },
    critical(tenant, event) {
      if (waitingBytes.CRITICAL + event.length > limits.critical_bytes_max) {
        stats.CRITICAL.shed_events++;
        channels.of(tenant, 'CRITICAL').shed++;
        const message = `tenant ${tenant}: ${limits.critical_bytes_max} bytes of CRITICAL events already wait for the event log: it is not taking them`;
        return Promise.reject(new EmitterError('overloaded', message));
      }
      return new Promise<void>((resolve, reject) => {
        const late = (): void => {
          const message = `tenant ${tenant}: the event log did not confirm a CRITICAL event within ${limits.critical_timeout_ms} ms; it may still arrive`;
          reject(new EmitterError('append_unconfirmed', message));
        };
        const cancel = timers.after(limits.critical_timeout_ms, late);
        const settle = (error: EmitterError | null): void => {
          cancel();
          if (error === null) resolve();
          else reject(error);
        };
        add(channels.of(tenant, 'CRITICAL'), event, { settle });
        if (criticalTurn) return;
        criticalTurn = true;
        timers.soon(() => {
          criticalTurn = false;
          closeOpen('CRITICAL');
        });
      });
    },
    lost(tenant, delivery) {
      channels.of(tenant, delivery).shed++;
    },
    reserve(bytes) {
      if (waitingBytes.ROUTINE + bytes > limits.memory_bytes_max) return false;
      waitingBytes.ROUTINE += bytes;
      return true;
    },
    release(bytes) {
      waitingBytes.ROUTINE -= bytes;
    },
    announce(tenant) {
      channels.of(tenant, 'ROUTINE').used = true;
      channels.of(tenant, 'CRITICAL').used = true;
    },
    flush,
    async close() {
      cancelLinger?.();
      cancelHeartbeat?.();
      closeOpen('ROUTINE');
      closeOpen('CRITICAL');
      for (const channel of channels.all()) if (channel.used || channel.shed > 0) push(channel, 'CLOSE');
      const given = (of: 'lost_events' | 'unconfirmed_events'): number => stats.ROUTINE[of] + stats.CRITICAL[of];
      const lostBefore = given('lost_events');
      const unconfirmedBefore = given('unconfirmed_events');
      const failedBefore = failedBatches;
      const cancel = timers.after(limits.close_timeout_ms, () => {
        const error = new EmitterError(
          'append_unconfirmed',
          `the event log did not take all within ${limits.close_timeout_ms} ms of closing`,
        );
        outboxes.ROUTINE.abandon(error);
        outboxes.CRITICAL.abandon(error);
      });
      await flush();
      cancel();
      return {
        events_lost: given('lost_events') - lostBefore,
        events_unconfirmed: given('unconfirmed_events') - unconfirmedBefore,
        batches: failedBatches - failedBefore,
      };
    },
    get routine_bytes() {
      return waitingBytes.ROUTINE;
    },
    get critical_bytes() {
      return waitingBytes.CRITICAL;
    },
    get batches_waiting() {
      return outboxes.ROUTINE.batches + outboxes.CRITICAL.batches;
    },
    get retries() {
      return outboxes.ROUTINE.retries + outboxes.CRITICAL.retries;
    },
  };
}
