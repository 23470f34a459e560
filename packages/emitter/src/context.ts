import { AsyncLocalStorage } from 'node:async_hooks';
import { ABSENT_IDENTITY, type TokenActor } from '@sealtrail/identity';
import type { Outcome } from '@sealtrail/wire';

/** What is known of the request, or the job, that an event belongs to. Absent fields are null in the event. */
export interface AuditContext {
  readonly tenant?: string | null;
  /** From `@sealtrail/identity`: a verified, an invalid or an absent token's actor, or `systemActor('nightly-job')`. */
  readonly actor?: TokenActor;
  /** As text, or as the 16 bytes of an event (IPv4 mapped). What is no address becomes null. */
  readonly source_ip?: string | Uint8Array | null;
  readonly user_agent?: string | null;
  readonly http_method?: string | null;
  /** The route's pattern, never the path. */
  readonly http_route?: string | null;
  readonly http_status?: number | null;
  /** 16 bytes, or 32 hex digits (W3C Trace Context). */
  readonly trace_id?: string | Uint8Array | null;
  /** Of events that name none. SUCCESS when absent, or what `http_status` says. */
  readonly outcome?: Outcome;
}

export const EMPTY_CONTEXT: AuditContext = Object.freeze({ actor: ABSENT_IDENTITY.actor });

/** The context of the code that runs now, carried across awaits. */
export interface ContextStorage<T> {
  run<R, A>(value: T, work: (argument: A) => R, argument: A): R;
  current(): T | undefined;
}

export function createContextStorage<T>(): ContextStorage<T> {
  const storage = new AsyncLocalStorage<T>();
  return { run: (value, work, argument) => storage.run(value, work, argument), current: () => storage.getStore() };
}

/** DENIED for 401 and 403, FAILURE for other 4xx, ERROR for 5xx, else SUCCESS. */
export function outcomeOfStatus(status: number): Outcome {
  if (status < 400) return 'SUCCESS';
  if (status === 401 || status === 403) return 'DENIED';
  return status < 500 ? 'FAILURE' : 'ERROR';
}
