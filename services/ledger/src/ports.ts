import type { EventLogAdmin, EventLogProducer, EventLogReader } from '@sealtrail/event-log';
import type { LedgerStore, PartitionKey } from '@sealtrail/ledger-store';
import type { Ed25519Verify, NoteVerifierKey, Sha256 } from '@sealtrail/merkle';

/** Signs checkpoints of one partition's operator log. */
export interface CheckpointSigner {
  readonly key: NoteVerifierKey;
  readonly sign: (message: Uint8Array) => Uint8Array;
}

/** Everything that the ledger does to the world goes through these. */
export interface LedgerPorts {
  readonly store: LedgerStore;
  /** Reads the registry's stream. */
  readonly reader: EventLogReader;
  /** Publishes rejected records. */
  readonly producer: EventLogProducer;
  /** Reads the topic's settings. */
  readonly admin: EventLogAdmin;
  readonly sha256: Sha256;
  readonly verify: Ed25519Verify;
  /** Random bytes for claims. */
  readonly random: (bytes: number) => Uint8Array;
  readonly clock_ms: () => number;
  /** Waits; resolves early when the signal aborts. */
  readonly sleep: (ms: number, stop: AbortSignal) => Promise<void>;
  /** Lets other work run between two pieces of computing. */
  readonly breathe: () => Promise<void>;
  /** Seals a rejected record's bytes to the ledger's key: a compact JWE. */
  readonly sealBytes: (bytes: Uint8Array) => Promise<string>;
  /** The signer of the operator log with this origin. */
  readonly checkpointSigner: (origin: string) => CheckpointSigner;
  readonly events: LedgerEvents;
}

/** What happens, for logs and metrics. Nothing here carries an event's content. */
export interface LedgerEvents {
  recovered(
    partition: PartitionKey,
    facts: { readonly offset: number; readonly rounds_checked: number; readonly rounds_rebuilt: number },
  ): void;
  sealed(partition: PartitionKey, facts: RoundFacts): void;
  /** A checkpoint of `size` rounds, which end before offset `to`, is signed and stored. */
  checkpointed(partition: PartitionKey, facts: { readonly size: number; readonly to: number }): void;
  /** An insert did not plainly succeed: the claim ended and the round is tried again under a new one. */
  claimEnded(partition: PartitionKey, cause: Error): void;
  /** The group's offsets were lost and an operator had a new era started. */
  eraStarted(partition: PartitionKey, ordinal: number): void;
  /** Something cannot be reached; the partition waits and tries again. */
  waiting(partition: PartitionKey, what: string, cause: Error): void;
  lost(partition: PartitionKey): void;
  halted(partition: PartitionKey, halt: Halt): void;
}

export interface RoundFacts {
  readonly from: number;
  readonly to: number;
  readonly batches: number;
  readonly entries: number;
  readonly duplicates: number;
  readonly rejected: readonly string[];
  readonly recorded_at: number;
  readonly duration_ms: number;
}

/** docs/spec/commit.md lists what each means and what an operator does. */
export type HaltCode =
  | 'offsets_lost'
  | 'metadata_unreadable'
  | 'round_missing'
  | 'round_disagrees'
  | 'checkpoint_ahead'
  | 'topic_replaced'
  | 'log_truncated'
  | 'log_corrupt'
  | 'offset_gap'
  | 'rows_disagree'
  | 'rebuild_disagrees'
  | 'registry_disagrees'
  | 'rows_refused'
  | 'topic_settings';

/** A partition that stands still until an operator has looked: what disagrees, and what to do. */
export interface Halt {
  readonly code: HaltCode;
  readonly message: string;
}

/** Settings of the ledger. */
export interface LedgerSettings {
  readonly audience: string;
  readonly topic: string;
  readonly registry_topic: string;
  readonly rejected_topic: string;
  readonly group: string;
  readonly incarnation: number;
  readonly partitions: number;
  readonly round_records_max: number;
  readonly round_bytes_max: number;
  /** How long a read waits for the first record. */
  readonly read_wait_ms: number;
  /** Rounds whose rows recovery checks: as far as replication may lag. */
  readonly recovery_rounds: number;
  /** How often recovery looks again for a round row that is missing, before it halts. */
  readonly recovery_attempts: number;
  readonly checkpoint_interval_ms: number;
  /** How often the topic's settings and id are compared with what is pinned here, and was there before. */
  readonly topic_check_ms: number;
  readonly retry_ms: number;
  readonly tenants_cached_max: number;
  /**
   * `new` only on the word of an operator who has seen that every ledger is stopped: where the group's offsets are lost, the
   * partition then goes on from its commit rows, in a new era. Anywhere else it changes nothing.
   */
  readonly era: 'current' | 'new';
}

export const DEFAULT_LIMITS: Pick<
  LedgerSettings,
  | 'round_records_max'
  | 'round_bytes_max'
  | 'read_wait_ms'
  | 'recovery_rounds'
  | 'recovery_attempts'
  | 'checkpoint_interval_ms'
  | 'topic_check_ms'
  | 'retry_ms'
  | 'tenants_cached_max'
  | 'era'
> = {
  round_records_max: 384,
  round_bytes_max: 25_165_824,
  read_wait_ms: 500,
  recovery_rounds: 16,
  recovery_attempts: 5,
  checkpoint_interval_ms: 1_000,
  topic_check_ms: 60_000,
  retry_ms: 500,
  tenants_cached_max: 10_000,
  era: 'current',
};

/**
 * Of a ledger that shares its process with a detector and with whoever asks, as in `sealtrail up`: smaller rounds keep less
 * memory, which such a machine has less of than time.
 */
export const EMBEDDED_LIMITS: typeof DEFAULT_LIMITS = { ...DEFAULT_LIMITS, round_records_max: 256, round_bytes_max: 16_777_216 };

/** Origin of a partition's operator log (C2SP tlog-checkpoint). */
export const operatorOrigin = (settings: Pick<LedgerSettings, 'audience' | 'incarnation'>, partition: number): string =>
  `${settings.audience}/operator/${settings.incarnation}/${partition}`;
