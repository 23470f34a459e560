import type { BacktestResult } from '@sealtrail/detector';
import type { FsckReport } from '@sealtrail/evidence';
import type { SqlResult } from '@sealtrail/ledger-store';
import type { DetectionOptions } from '../detection/rule-files.ts';

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
  'awaitSealed',
  'totals',
  'status',
];
