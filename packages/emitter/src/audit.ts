import type { Delivery, Outcome, Severity, Target } from '@sealtrail/wire';
import type { AuditContext } from './context.ts';
import type { EmitterErrorCode } from './errors.ts';

/** Text as it is, numbers and booleans in their usual spelling, a Date in ISO 8601; null and undefined are left out. */
export type AttributeValue = string | number | bigint | boolean | Date | null | undefined;

export interface AuditDetails {
  /** What was acted on. Empty when the act has no single target. */
  readonly resource_id?: string;
  /** Kind of the thing acted on; the action up to its last dot when absent (`invoice` of `invoice.delete`). */
  readonly resource_type?: string;
  /** Further targets. */
  readonly related?: readonly Target[];
  /** Further facts, masked by the redaction rules. */
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  /** What the HTTP status says when absent, else SUCCESS. */
  readonly outcome?: Outcome;
  /** Error or denial code. */
  readonly reason?: string | null;
  /** INFORMATIONAL when absent. CRITICAL makes the delivery CRITICAL. */
  readonly severity?: Severity;
  /** CRITICAL raises an event of a lower severity to it; ROUTINE does not lower one of severity CRITICAL. */
  readonly delivery?: Delivery;
  /** When it happened, ms since 1970; now when absent. */
  readonly occurred_at_ms?: number;
  /** 16 bytes of a source's own id; a UUIDv7 when absent. */
  readonly event_id?: Uint8Array;
}

export interface Audit {
  /**
   * Records an act. `context` adds to, and overrides, the context that the code runs in.
   *
   * ROUTINE: returns at once, resolved; the arguments may be changed afterwards. Inside `request()` the event waits for
   * the request's end, to carry its status. It never rejects: what cannot be recorded goes to `onProblem`, and is counted
   * in the signed headers.
   *
   * CRITICAL: resolves when the event is durable in the event log; rejects with an EmitterError otherwise (`invalid_name`,
   * `event_too_large`, `append_refused`, `append_unconfirmed`, `overloaded`, `closed`, …): do not act without it.
   */
  log(action: string, details?: AuditDetails, context?: AuditContext): Promise<void>;
  /** Runs `work` with this added to the current context. */
  with<R>(context: AuditContext, work: () => R): R;
  /**
   * Runs `work` as one request: ROUTINE events logged inside are captured at once and signed at the request's end,
   * with what `RequestScope.finish` adds. The caller finishes the scope; middlewares do.
   */
  request<R>(context: AuditContext, work: (scope: RequestScope) => R): R;
}

export interface RequestScope {
  /** Adds to the context from here on, such as the route once it is known. */
  add(context: AuditContext): void;
  /** Ends the request. Events logged later are recorded as they are. */
  finish(end: { readonly http_status: number | null }): void;
}

/** Something that was not recorded as asked. Holds no value of an event, save what a caller's own exception says in `cause`. */
export interface EmitterProblem {
  readonly kind: /** Could not be made into an event, or a batch could not be signed; counted in the next header's `shed`. */
    | 'event_dropped'
    /** No room: dropped, and counted in the next header's `shed`. */
    | 'event_shed'
    /** The event log refused a batch for good; its events are counted in the next header's `shed`. */
    | 'batch_refused'
    /** The same after an append whose answer was lost: the batch may be recorded. Counted in the next header's `shed` too. */
    | 'batch_unconfirmed'
    /** The event log's answer was lost, or it cannot take the batch now; the same bytes are sent again. */
    | 'append_retried';
  readonly code: EmitterErrorCode;
  readonly tenant: string | null;
  readonly events: number;
  readonly message: string;
  readonly cause?: unknown;
}
