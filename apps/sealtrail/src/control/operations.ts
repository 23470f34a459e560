import type { Matcher, Silence } from '@sealtrail/alerting';
import type { BacktestResult, CanaryCounts, DetectionOptions } from '@sealtrail/detector';
import type { FsckReport } from '@sealtrail/evidence';
import type { SqlResult } from '@sealtrail/ledger-store';
import type { Severity } from '@sealtrail/wire';

export interface StoreReport extends FsckReport {
  /** False where the views that analysts read through were not held against what this build makes: the disk is full. */
  readonly views_checked: boolean;
}

/** A place that is told how far a piece of work is. */
export type OnProgress = (label: string, done: number, total: number | null) => void;

export interface SqlArguments {
  readonly sql: string;
  readonly rows_max: number;
}

export interface FsckArguments {
  /** A signed checkpoint that was kept elsewhere. */
  readonly checkpoint: string | null;
  /** Note verifier key that the checkpoint must be signed by; the deployment's own when null. */
  readonly verifier_key: string | null;
}

export interface ProveArguments {
  readonly tenant: string;
  readonly entry: number;
  readonly log: string | null;
}

export interface BacktestArguments extends DetectionOptions {
  /** null for all. */
  readonly tenant: string | null;
}

export interface AlertsArguments {
  /** One alert; null for a list. */
  readonly id: string | null;
  readonly tenant: string | null;
  readonly rule_id: string | null;
  readonly levels: readonly Severity[] | null;
  /** Whether alerts of canaries are listed too. */
  readonly canaries: boolean;
  readonly rows_max: number;
}

/** Whether detection works, as far as the process that is asked can tell. */
export interface DetectionStanding {
  /** Whether a detector runs in it. */
  readonly running: boolean;
  /** What canaries say; null where it sends none. */
  readonly canaries: (CanaryCounts & { readonly ok: boolean; readonly reason: string | null }) | null;
}

/** An alert with what became of it. Ids and hashes in hex, times in ISO 8601. */
export interface PlainAlert {
  readonly id: string;
  readonly rule_id: string;
  readonly rule_title: string;
  readonly level: Severity;
  readonly tags: readonly string[];
  readonly tenant: string;
  readonly group: Readonly<Record<string, string>>;
  readonly first_seen: string;
  readonly last_seen: string;
  readonly raised_at: string;
  readonly value: number | null;
  readonly late: boolean;
  readonly events_count: number;
  readonly fate: string;
  readonly fate_detail: string;
  readonly risk: { readonly score: number; readonly accumulated: number };
  readonly groups: readonly string[];
  readonly evidence: readonly {
    readonly event_id: string;
    readonly topic: string;
    readonly incarnation: number;
    readonly partition: number;
    readonly offset: number;
    readonly index: number;
    readonly leaf_hash: string;
  }[];
}

export interface PlainDelivery {
  readonly message_id: string;
  readonly notifier: string;
  readonly attempts: number;
  readonly status: number | null;
  readonly reason: string | null;
  readonly alerts_count: number;
  readonly updated_at: string;
}

/** `by` and `why` are kept. */
export type AlertActionArguments = { readonly by: string; readonly why: string } & (
  | { readonly kind: 'acknowledge'; readonly alert: string }
  | { readonly kind: 'silence'; readonly matchers: readonly Matcher[]; readonly for_ms: number }
  | { readonly kind: 'unsilence'; readonly silence: string }
);
export interface AlertActionDone {
  readonly action: string;
  readonly silence: string | null;
}

export interface AlertProofs {
  readonly alert: string;
  readonly rule_title: string;
  readonly tenant: string;
  readonly proofs: readonly {
    readonly event_id: string;
    readonly topic: string;
    readonly partition: number;
    readonly offset: number;
    readonly index: number;
    readonly entry: number | null;
    /** The proof file's text. */
    readonly proof: string | null;
    readonly reason: string | null;
  }[];
}

export interface AwaitSealedArguments {
  readonly partition: number;
  /** Every record before this offset must be sealed. */
  readonly offset: number;
  readonly timeout_ms: number;
}

export interface TenantTotals {
  readonly entries: number;
  readonly batches: number;
  readonly rejected: number;
}

export interface StackStatus {
  readonly audience: string;
  readonly partitions: readonly {
    readonly partition: number;
    readonly committed: number;
    readonly end: number;
    readonly halted: string | null;
  }[];
}

/**
 * What the commands ask of an embedded deployment: in this process when none is running, else of the running one through
 * its socket. Arguments and answers are plain JSON.
 */
export interface Operations {
  sql(args: SqlArguments): Promise<SqlResult>;
  fsck(args: FsckArguments, onProgress: OnProgress): Promise<StoreReport>;
  /** The proof file's text. */
  prove(args: ProveArguments): Promise<string>;
  /** The newest signed checkpoint of each partition, as one text. */
  checkpoint(args: Record<string, never>): Promise<string>;
  /** Runs rules over what is stored. */
  backtest(args: BacktestArguments, onProgress: OnProgress): Promise<BacktestResult>;
  alerts(args: AlertsArguments): Promise<readonly PlainAlert[]>;
  detection(args: Record<string, never>): Promise<DetectionStanding>;
  alertAction(args: AlertActionArguments): Promise<AlertActionDone>;
  silences(args: Record<string, never>): Promise<readonly Silence[]>;
  deadLetters(args: { readonly rows_max: number }): Promise<readonly PlainDelivery[]>;
  /** Sends a dead letter again; only where a detector runs. */
  resend(args: { readonly notifier: string; readonly message_id: string }): Promise<void>;
  proveAlert(args: { readonly id: string }): Promise<AlertProofs>;
  awaitSealed(args: AwaitSealedArguments, onProgress: OnProgress): Promise<void>;
  totals(args: { readonly tenant: string | null }): Promise<TenantTotals>;
  status(args: Record<string, never>): Promise<StackStatus>;
}

export type OperationName = keyof Operations;
export const OPERATION_NAMES: readonly OperationName[] = [
  'sql',
  'fsck',
  'prove',
  'checkpoint',
  'backtest',
  'alerts',
  'detection',
  'alertAction',
  'silences',
  'deadLetters',
  'resend',
  'proveAlert',
  'awaitSealed',
  'totals',
  'status',
];
