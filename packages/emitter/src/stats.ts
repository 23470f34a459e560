import type { Delivery } from '@sealtrail/wire';

export interface DeliveryStats {
  /** Calls of log() that were given this class. */
  logged: number;
  /** Durable in the event log. */
  sent_events: number;
  /** DATA batches among `sent_batches`; the others are heartbeats and closes. */
  sent_batches: number;
  sent_heartbeats: number;
  /** ROUTINE: no room. CRITICAL: rejected as overloaded. */
  shed_events: number;
  /** Could not be made into an event: told to onProblem, or to the CRITICAL caller. */
  dropped_events: number;
  /** In batches that the event log refused for good, or that were given up at close before they were sent. Not recorded. */
  lost_events: number;
  /** In batches that were given up after an append whose answer was lost. They may be recorded. */
  unconfirmed_events: number;
}

export interface EmitterStats {
  readonly routine: Readonly<DeliveryStats>;
  readonly critical: Readonly<DeliveryStats>;
  /** Events in memory, in bytes as they will be sent; those of open requests by estimate. */
  readonly routine_bytes: number;
  readonly critical_bytes: number;
  /** 0 to 1: how full the room for ROUTINE events is. At 1 new ones are shed. */
  readonly pressure: number;
  /** Batches that are closed and not yet durable. */
  readonly batches_waiting: number;
  /** Events that wait for their request's end. */
  readonly deferred_events: number;
  readonly append_retries: number;
  readonly redactions: number;
  /** Exceptions of onProblem, onRedacted and the state port. */
  readonly callbacks_failed: number;
  readonly tenants: number;
}

export const noDeliveryStats = (): DeliveryStats => ({
  logged: 0,
  sent_events: 0,
  sent_batches: 0,
  sent_heartbeats: 0,
  shed_events: 0,
  dropped_events: 0,
  lost_events: 0,
  unconfirmed_events: 0,
});

export type StatsByDelivery = Readonly<Record<Delivery, DeliveryStats>>;
