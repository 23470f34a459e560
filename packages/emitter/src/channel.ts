import type { BatchKind, Delivery } from '@sealtrail/wire';
import type { EmitterError } from './errors.ts';
import type { EventBuffer, RoomUsed } from './event-buffer.ts';

/** One tenant's events of one delivery class: what a sequence of numbers counts. */
export interface Channel {
  readonly tenant: string;
  readonly delivery: Delivery;
  /** The batch that is being filled; null when empty. */
  open: OpenBatch | null;
  /** Of the batch before the open one. */
  before: RoomUsed | undefined;
  /** Batches that are closed and not yet settled. */
  queued: number;
  /** Events that log() took and that will be in no batch. Goes into every header. */
  shed: number;
  /** Something was sent, or announced: heartbeats and CLOSE are due. */
  used: boolean;
  /** Something was sent since the last heartbeat was considered. */
  active: boolean;
}

export interface OpenBatch {
  readonly events: EventBuffer;
  /** Of CRITICAL events: who waits for them. */
  readonly waiting: Waiter[];
}

/** A caller that waits for a CRITICAL event to be durable. Settles once. */
export interface Waiter {
  settle(error: EmitterError | null): void;
}

/** A closed batch on its way. Signed when its turn comes, so that its header knows of everything shed until then. */
export interface QueuedBatch {
  readonly channel: Channel;
  readonly kind: BatchKind;
  readonly events: EventBuffer | null;
  readonly waiting: readonly Waiter[];
}

export interface Channels {
  of(tenant: string, delivery: Delivery): Channel;
  all(): Iterable<Channel>;
}

export function createChannels(): Channels {
  const channels: Record<Delivery, Map<string, Channel>> = { ROUTINE: new Map(), CRITICAL: new Map() };
  return {
    of(tenant, delivery) {
      let channel = channels[delivery].get(tenant);
      if (channel === undefined) {
        channel = { tenant, delivery, open: null, before: undefined, queued: 0, shed: 0, used: false, active: false };
        channels[delivery].set(tenant, channel);
      }
      return channel;
    },
    *all() {
      yield* channels.ROUTINE.values();
      yield* channels.CRITICAL.values();
    },
  };
}
