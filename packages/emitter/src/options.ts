import type { EventLogProducer } from '@sealtrail/event-log';
import type { PseudonymOptions } from '@sealtrail/identity';
import type { Sha256 } from '@sealtrail/merkle';
import { BATCH_BYTES_MAX, BATCH_EVENTS_DEFAULT, BATCH_EVENTS_MAX, type EventSchema, type PredecessorInstance } from '@sealtrail/wire';
import type { EmitterProblem } from './audit.ts';
import { EmitterError } from './errors.ts';
import { assertName } from './names.ts';
import type { RedactionOptions, RedactionReport } from './redaction/options.ts';

/** Runs work later. */
export interface Timers {
  /** Returns what cancels it. With `keepsAlive` no, the process may end before it. */
  after(ms: number, work: () => void, keepsAlive?: 'yes' | 'no'): () => void;
  /** Once the current event turn is over. */
  soon(work: () => void): void;
}

/** Remembers, across restarts, how far each life of this producer got, so that the next one can name the last. */
export interface InstanceState {
  /** The last life's numbers for a tenant; null when there is none. Asked once a tenant, at its first batch. */
  previous(tenant: string): PredecessorInstance | null;
  /** Called before a batch is sent: `next` holds this life's next unused numbers for the tenant. */
  record(tenant: string, next: PredecessorInstance): void;
}

export interface EmitterOptions {
  /** From `EventLog.producer()`. The emitter does not close it. */
  readonly log: EventLogProducer;
  /** Default `audit.events`. */
  readonly topic?: string;
  /** Id of the deployment. */
  readonly audience: string;
  /** Name of this producer, as registered. */
  readonly producer: string;
  /** The producer's Ed25519 public key, 32 bytes, as registered. */
  readonly publicKey: Uint8Array;
  /** Ed25519 signature by its private key. */
  readonly sign: (message: Uint8Array) => Uint8Array;
  /** Tenant of events whose context names none. */
  readonly tenant?: string;

  /** Events in a ROUTINE batch. Default 256, at most 4,096. */
  readonly batch_events_max?: number;
  /** Bytes of events in a batch. Default 262,144. */
  readonly batch_bytes_max?: number;
  /** How long a ROUTINE event may wait for others. Default 200. */
  readonly linger_ms?: number;
  /** ROUTINE events in memory, in bytes; beyond it new ones are shed, and counted. Default 67,108,864. */
  readonly memory_bytes_max?: number;
  /** CRITICAL events in memory, in bytes; beyond it new ones are rejected (`overloaded`). Default 16,777,216. */
  readonly critical_bytes_max?: number;
  /** How long a CRITICAL event may stay unconfirmed before its promise rejects; the batch is sent on. Default 30,000. */
  readonly critical_timeout_ms?: number;
  /** A tenant's delivery class that sent nothing for so long sends a HEARTBEAT. Default 60,000; 0 for none. */
  readonly heartbeat_ms?: number;
  /** Tenants that get heartbeats and a CLOSE in both classes also when nothing happens. */
  readonly announce?: readonly string[];
  /** Pause before the first retry, and the longest one. Defaults 50 and 5,000. */
  readonly retry_ms_min?: number;
  readonly retry_ms_max?: number;
  /** How long `close` waits for the event log. Default 10,000. */
  readonly close_timeout_ms?: number;

  /** On by default; see docs/emitting.md. */
  readonly redaction?: RedactionOptions;
  /** Actor ids as keyed pseudonyms. */
  readonly pseudonyms?: PseudonymOptions;
  /** IPv4 to /24, IPv6 to /48. Default `whole`. */
  readonly addresses?: 'whole' | 'truncated';
  readonly state?: InstanceState;

  /** Told of everything that was not recorded as asked. Default: one line on standard error for the first of each kind a minute. */
  readonly onProblem?: (problem: EmitterProblem) => void;
  /** Told what was masked: by field and rule, never the value. */
  readonly onRedacted?: (report: RedactionReport) => void;

  /** Now, in ms since 1970. */
  readonly clock_ms?: () => number;
  /** Cryptographically strong random bytes. */
  readonly random?: (bytes: number) => Uint8Array;
  readonly timers?: Timers;
  readonly sha256?: Sha256;
  readonly schema?: EventSchema;
}

/** Limits with their defaults filled in. */
export interface Limits {
  readonly batch_events_max: number;
  readonly batch_bytes_max: number;
  readonly linger_ms: number;
  readonly memory_bytes_max: number;
  readonly critical_bytes_max: number;
  readonly critical_timeout_ms: number;
  readonly heartbeat_ms: number;
  readonly retry_ms_min: number;
  readonly retry_ms_max: number;
  readonly close_timeout_ms: number;
}

/** A header, a signature and the framing fit into this beside the events. */
const BATCH_OVERHEAD_BYTES = 4_096;
const DAY_MS = 86_400_000;

/** Throws EmitterError `invalid_option`, `invalid_name`. */
export function limitsOf(options: EmitterOptions): Limits {
  if (options.tenant !== undefined) assertName('tenant', options.tenant);
  for (const tenant of options.announce ?? []) assertName('announce', tenant);
  const retry_ms_min = whole('retry_ms_min', options.retry_ms_min ?? 50, 1, DAY_MS);
  return {
    batch_events_max: whole('batch_events_max', options.batch_events_max ?? BATCH_EVENTS_DEFAULT, 1, BATCH_EVENTS_MAX),
    batch_bytes_max: whole('batch_bytes_max', options.batch_bytes_max ?? 262_144, 1, BATCH_BYTES_MAX - BATCH_OVERHEAD_BYTES),
    linger_ms: whole('linger_ms', options.linger_ms ?? 200, 0, DAY_MS),
    memory_bytes_max: whole('memory_bytes_max', options.memory_bytes_max ?? 64 * 1024 * 1024, 0, Number.MAX_SAFE_INTEGER),
    critical_bytes_max: whole('critical_bytes_max', options.critical_bytes_max ?? 16 * 1024 * 1024, 0, Number.MAX_SAFE_INTEGER),
    critical_timeout_ms: whole('critical_timeout_ms', options.critical_timeout_ms ?? 30_000, 1, DAY_MS),
    heartbeat_ms: whole('heartbeat_ms', options.heartbeat_ms ?? 60_000, 0, DAY_MS),
    retry_ms_min,
    retry_ms_max: whole('retry_ms_max', options.retry_ms_max ?? Math.max(5_000, retry_ms_min), retry_ms_min, DAY_MS),
    close_timeout_ms: whole('close_timeout_ms', options.close_timeout_ms ?? 10_000, 0, DAY_MS),
  };
}

function whole(name: string, value: number, min: number, max: number): number {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw new EmitterError('invalid_option', `${name} is ${value}: pass a whole number from ${min} to ${max}`);
}
