import type { Delivery } from '@sealtrail/wire';
import { currentEventSchema } from '@sealtrail/wire';
import type { Audit, AuditDetails, EmitterProblem, RequestScope } from './audit.ts';
import { createBatchSigner } from './batch-signer.ts';
import { type AuditContext, createContextStorage, EMPTY_CONTEXT, outcomeOfStatus } from './context.ts';
import { createDeliveryLine, type EncodedEvent } from './delivery.ts';
import { EmitterError } from './errors.ts';
import { createEventBuilder, type OpenEvent, type PreparedContext } from './event-builder.ts';
import { asEmitterError, createSaltPool, ENDS_PER_EVENT, EVENT_ROOM_BYTES, encodeOpenEvent, SALT_BYTES } from './event-encoder.ts';
import { assertName } from './names.ts';
import { type EmitterOptions, limitsOf } from './options.ts';
import { createRedactor } from './redaction/redactor.ts';
import { type EmitterStats, noDeliveryStats } from './stats.ts';
import { systemEffects } from './system.ts';

export type CloseOutcome =
  /** Everything is durable, and so is a CLOSE for every tenant and class. */
  | { readonly kind: 'closed' }
  /**
   * The event log refused batches for good or did not take them in time; what is missing shows as a gap and in no CLOSE.
   * Events that are unconfirmed may be recorded: the answer to their append was lost.
   */
  | {
      readonly kind: 'incomplete';
      readonly events_lost: number;
      readonly events_unconfirmed: number;
      readonly batches_unconfirmed: number;
    };

export interface Emitter {
  readonly audit: Audit;
  /**
   * Sends what waits, and resolves when everything logged before is durable or was reported as lost: not before the event
   * log answers. Events of open requests wait for their request's end, and are not waited for.
   */
  flush(): Promise<void>;
  /** Takes no more events, sends the rest and a CLOSE for every tenant and class. Does not close the event log. */
  close(): Promise<CloseOutcome>;
  stats(): EmitterStats;
}

/** What runs inside one request. */
interface RequestState {
  context: AuditContext;
  version: number;
  pending: Pending[];
  isFinished: boolean;
  /** Its place among the requests that have events waiting; -1 when it has none. */
  place: number;
}
interface Pending {
  readonly event: OpenEvent;
  readonly tenant: string;
  readonly outcomeGiven: boolean;
  readonly bytes: number;
}
/** A context that code runs in: its own additions over its request's. */
interface Frame {
  readonly request: RequestState | null;
  readonly added: AuditContext;
  prepared: PreparedContext | null;
  version: number;
}

/** Never written to. */
const NONE_PENDING: Pending[] = [];
const DONE: Promise<void> = Promise.resolve();
/** ROUTINE events of one request that wait for its status; further ones go without it. */
const PENDING_MAX = 64;
/** What an event that waits takes in memory, beside its attributes. */
const PENDING_BYTES = 1_024;
const NO_DETAILS: AuditDetails = Object.freeze({});
const NOTHING: AuditContext = Object.freeze({});
const INSTANCE_BYTES = 16;

/** Throws EmitterError `invalid_option`, `invalid_name`; identity's `invalid_option` for pseudonyms. */
export function createEmitter(options: EmitterOptions): Emitter {
  const { clock_ms, random, timers, sha256, onProblem } = { ...systemEffects(), ...given(options) };
  const limits = limitsOf(options);
  const schema = options.schema ?? currentEventSchema();
  const stats = { ROUTINE: noDeliveryStats(), CRITICAL: noDeliveryStats() };
  let redactions = 0;
  let callbacksFailed = 0;
  let deferred = 0;
  const tenants = new Set<string>();

  const guarded = <T>(work: () => T, otherwise: T): T => {
    try {
      return work();
    } catch {
      callbacksFailed++; // a listener's mistake must cost no event; stats show it
      return otherwise;
    }
  };
  const problem = (found: EmitterProblem): void => guarded(() => onProblem(found), undefined);

  const { onRedacted } = options;
  const redactor = createRedactor(options.redaction ?? {}, (report) => {
    redactions++;
    if (onRedacted !== undefined) guarded(() => onRedacted(report), undefined);
  });
  const builder = createEventBuilder(options, redactor, clock_ms, random);
  const salts = createSaltPool(random);
  const instance = random(INSTANCE_BYTES).slice();
  const { audience, producer, publicKey, sign } = options;
  const signer = createBatchSigner({
    sha256,
    sign,
    publicKey,
    audience,
    producer,
    instance,
    started_at: Math.floor(clock_ms()),
    random,
    schema,
  });
  const line = createDeliveryLine({
    outbox: { log: options.log, topic: options.topic ?? 'audit.events', random },
    signer,
    instance,
    limits,
    timers,
    stats,
    state: options.state,
    problem,
    guarded,
  });
  for (const tenant of options.announce ?? []) line.announce(tenant);

  // One event at a time is encoded here, then copied to its tenant's batch.
  const scratch = Buffer.allocUnsafeSlow(EVENT_ROOM_BYTES);
  const ends = new Uint32Array(ENDS_PER_EVENT);

  const encoded = { bytes: scratch, length: 0, ends };
  const actorSalt = new Uint8Array(SALT_BYTES);
  const objectSalt = new Uint8Array(SALT_BYTES);

  /** Valid until the next call. */
  const encode = (event: OpenEvent): EncodedEvent => {
    salts.draw(actorSalt);
    salts.draw(objectSalt);
    event.actor_salt = actorSalt;
    event.object_salt = objectSalt;
    for (let attempt = 0; ; attempt++) {
      try {
        encoded.length = encodeOpenEvent(schema, event, scratch, ends);
        return encoded;
      } catch (thrown) {
        // An act must not escape the record by being described at length.
        const isTooLarge = thrown instanceof EmitterError && thrown.code === 'event_too_large';
        if (!isTooLarge || !builder.shrink(event, attempt)) throw thrown;
      }
    }
  };

  const storage = createContextStorage<Frame>();
  const openRequests: RequestState[] = [];
  const outside = builder.prepare(EMPTY_CONTEXT);
  let closing: Promise<CloseOutcome> | null = null;

  const contextOf = (frame: Frame | undefined, added: AuditContext | undefined): PreparedContext => {
    if (frame === undefined) return added === undefined ? outside : builder.prepare(added);
    if (added !== undefined) return builder.prepare({ ...frame.request?.context, ...frame.added, ...added });
    const version = frame.request?.version ?? 0;
    if (frame.prepared === null || frame.version !== version) {
      const whole = frame.added === NOTHING ? frame.request?.context : { ...frame.request?.context, ...frame.added };
      frame.prepared = builder.prepare(whole ?? NOTHING);
      frame.version = version;
    }
    return frame.prepared;
  };

  const tenantOf = (context: PreparedContext): string => {
    const tenant = context.tenant ?? options.tenant;
    if (tenant === undefined) {
      throw new EmitterError('invalid_name', 'the event has no tenant: give one in the context, or a default to createEmitter');
    }
    if (!tenants.has(tenant)) {
      assertName('tenant', tenant);
      tenants.add(tenant);
    }
    return tenant;
  };

  /** ROUTINE only: the loss is told and, when the tenant is known, signed. */
  const drop = (thrown: unknown, tenant: string | null): void => {
    const error = thrown instanceof EmitterError ? thrown : invalidEvent(thrown);
    stats.ROUTINE.dropped_events++;
    if (tenant !== null) line.lost(tenant, 'ROUTINE');
    problem({ kind: 'event_dropped', code: error.code, tenant, events: 1, message: error.message, cause: error.cause });
  };

  const routine = (tenant: string, event: OpenEvent): void => {
    try {
      line.routine(tenant, encode(event));
    } catch (thrown) {
      drop(asEmitterError(thrown), tenant);
    }
  };

  const defer = (request: RequestState, event: OpenEvent, tenant: string, outcomeGiven: boolean): boolean => {
    let bytes = PENDING_BYTES;
    for (const [name, value] of event.attributes) bytes += name.length + value.length;
    if (request.pending.length >= PENDING_MAX || !line.reserve(bytes)) return false;
    const pending = { event, tenant, outcomeGiven, bytes };
    if (request.place === -1) {
      request.place = openRequests.push(request) - 1;
      request.pending = [pending]; // most requests have one
    } else {
      request.pending.push(pending);
    }
    deferred++;
    return true;
  };

  const finish = (request: RequestState, frame: Frame, status: number | null): void => {
    if (request.isFinished) return;
    request.isFinished = true;
    if (request.place !== -1) {
      // The last one takes its place: no search, whatever the number of open requests.
      const last = openRequests.pop() as RequestState;
      if (last !== request) {
        openRequests[request.place] = last;
        last.place = request.place;
      }
      request.place = -1;
    }
    const context = contextOf(frame, undefined);
    for (const { event, tenant, outcomeGiven, bytes } of request.pending) {
      line.release(bytes);
      deferred--;
      event.http_status = status;
      event.http_route ??= context.http_route;
      if (!outcomeGiven && status !== null) event.outcome = outcomeOfStatus(status);
      routine(tenant, event);
    }
    request.pending = NONE_PENDING;
  };

  const log = (action: string, details: AuditDetails, added: AuditContext | undefined, delivery: Delivery): Promise<void> => {
    stats[delivery].logged++;
    let tenant: string | null = null;
    try {
      if (closing !== null) throw new EmitterError('closed', 'the emitter was closed: log before close()');
      const frame = storage.current();
      const context = contextOf(frame, added);
      tenant = tenantOf(context);
      const event = builder.build(action, details, context);
      if (delivery === 'CRITICAL') return line.critical(tenant, encode(event));
      const request = frame?.request;
      if (request && !request.isFinished && event.http_status === null) {
        if (defer(request, event, tenant, details.outcome !== undefined || context.outcome !== null)) return DONE;
      }
      routine(tenant, event);
      return DONE;
    } catch (thrown) {
      if (delivery === 'ROUTINE') {
        drop(thrown, tenant);
        return DONE;
      }
      stats.CRITICAL.dropped_events++;
      if (tenant !== null) line.lost(tenant, 'CRITICAL');
      return Promise.reject(thrown instanceof EmitterError ? thrown : invalidEvent(thrown));
    }
  };

  const audit: Audit = {
    log(action, details, context) {
      const what = details ?? NO_DETAILS;
      return log(action, what, context, what.severity === 'CRITICAL' || what.delivery === 'CRITICAL' ? 'CRITICAL' : 'ROUTINE');
    },
    with(context, work) {
      const frame = storage.current();
      const added = frame === undefined ? context : { ...frame.added, ...context };
      return storage.run({ request: frame?.request ?? null, added, prepared: null, version: 0 }, work, undefined);
    },
    request(context, work) {
      const outer = storage.current();
      const request: RequestState = {
        context: outer === undefined ? { ...context } : { ...outer.request?.context, ...outer.added, ...context },
        version: 0,
        pending: NONE_PENDING,
        isFinished: false,
        place: -1,
      };
      const frame: Frame = { request, added: NOTHING, prepared: null, version: 0 };
      const scope: RequestScope = {
        add(more) {
          request.context = { ...request.context, ...more };
          request.version++;
        },
        finish({ http_status }) {
          finish(request, frame, http_status);
        },
      };
      return storage.run(frame, work, scope);
    },
  };

  const finishAll = (): void => {
    for (const request of openRequests.slice()) finish(request, { request, added: NOTHING, prepared: null, version: -1 }, null);
  };

  return {
    audit,
    flush: () => line.flush(),
    close() {
      closing ??= Promise.resolve().then(async () => {
        finishAll();
        const { events_lost, events_unconfirmed, batches } = await line.close();
        return events_lost + events_unconfirmed + batches === 0
          ? { kind: 'closed' }
          : { kind: 'incomplete', events_lost, events_unconfirmed, batches_unconfirmed: batches };
      });
      return closing;
    },
    stats: () => ({
      routine: { ...stats.ROUTINE },
      critical: { ...stats.CRITICAL },
      routine_bytes: line.routine_bytes,
      critical_bytes: line.critical_bytes,
      pressure: limits.memory_bytes_max === 0 ? 1 : Math.min(1, line.routine_bytes / limits.memory_bytes_max),
      batches_waiting: line.batches_waiting,
      deferred_events: deferred,
      append_retries: line.retries,
      redactions,
      callbacks_failed: callbacksFailed,
      tenants: tenants.size,
    }),
  };
}

/** What a caller's own value threw while it was read. Its message may hold anything, so it stays in `cause`. */
const invalidEvent = (thrown: unknown): EmitterError =>
  new EmitterError('invalid_event', 'the event cannot be read: a field is of the wrong type, or its getter threw', { cause: thrown });

type Effects = ReturnType<typeof systemEffects>;

/** The effects that the caller gave; absent ones do not hide the defaults. */
function given(options: EmitterOptions): Partial<Effects> {
  const { clock_ms, random, timers, sha256, onProblem } = options;
  return {
    ...(clock_ms === undefined ? {} : { clock_ms }),
    ...(random === undefined ? {} : { random }),
    ...(timers === undefined ? {} : { timers }),
    ...(sha256 === undefined ? {} : { sha256 }),
    ...(onProblem === undefined ? {} : { onProblem }),
  };
}
