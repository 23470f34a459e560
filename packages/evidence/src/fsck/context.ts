import type { CommitRow, LedgerStore, PartitionKey } from '@sealtrail/ledger-store';
import type { Ed25519Verify, NoteVerifierKey, Sha256 } from '@sealtrail/merkle';
import type { PartitionCommits } from './commit-rows.ts';
import type { FindingAt, Findings, FsckCode } from './findings.ts';
import type { LogSummaries } from './log-summaries.ts';
import type { OffsetTally } from './offset-tally.ts';
import type { Ranges } from './ranges.ts';
import type { RegistryHistory } from './registry-history.ts';
import type { RemovedRecords } from './removed-batches.ts';

/** A place that is told how far the work is; `total` is null when it is not known. */
export type OnProgress = (label: string, done: number, total: number | null) => void;

/** What the group of the event log has committed of a partition. */
export interface CommittedPlace extends PartitionKey {
  readonly offset: number;
  readonly round_hash: Uint8Array;
}

export interface FsckInput {
  readonly store: LedgerStore;
  /** Id of the deployment. */
  readonly audience: string;
  readonly sha256: Sha256;
  readonly ed25519Verify: Ed25519Verify;
  /** The key that signs checkpoints of the operator log with this origin; null when it is not known. */
  readonly checkpointKey: (origin: string) => NoteVerifierKey | null;
  /** Checkpoints kept elsewhere, as signed notes; each must verify by one of its keys, and the store must extend it. */
  readonly saved_checkpoints?: readonly { readonly note: string; readonly keys: readonly NoteVerifierKey[] }[];
  /**
   * The committed offsets of the ledger's group, read from the event log before fsck began: what was committed must be in
   * the store. Absent when the log cannot be asked; then a tail that was removed as a whole shows only in checkpoints.
   */
  readonly committed?: readonly CommittedPlace[];
  /** The value of a record of the event log; null when it is no longer held. Lets a wrong batch be traced to its entries. */
  readonly readRecord?: (partition: PartitionKey, offset: number) => Promise<Uint8Array | null>;
  /** Views and functions of the store that were not what this build makes: each is a finding. They show rows, and hold none. */
  readonly altered_views?: readonly string[];
  /** Parts of tables that cannot be read, and whose rows the store does not give: each is a finding. */
  readonly unreadable?: readonly { readonly table: string; readonly part: string }[];
  /** Findings that a report holds at most; 10,000 when absent. */
  readonly findings_max?: number;
}

/** A head, by what names it. */
export interface HeadPlace {
  readonly tenant: string;
  /** Hex. */
  readonly log: string;
  readonly size: number;
}

/** A head in a round whose heads do not give its root. */
export interface TroubledHead extends HeadPlace {
  /** Hex of the last manifest's hash: no two logs have the same. Empty where it is not known. */
  readonly last: string;
  /** The frontier beside the head gives its root. */
  readonly frontier_holds: boolean;
}

/** A head that its round did not seal. */
export interface StrayHead extends HeadPlace {
  readonly offset: number;
  /** The same head stands where it belongs, too. */
  readonly doubled: boolean;
}

/** The heads of a round do not give its root; the manifests may tell which of them is wrong. */
export interface HeadTrouble {
  readonly round: number;
  readonly from: number;
  readonly to: number;
  /** Heads that the round binds. */
  readonly expected: number;
  /** Rows of the round by the hex of their leaf; taken out once the manifests confirmed or explained them. */
  readonly rows: Map<string, TroubledHead>;
  /** Heads that the manifests give, and of which no row is there. */
  readonly missing: Omit<TroubledHead, 'frontier_holds'>[];
  /** Logs that the manifests spoke for. */
  settled: number;
}

/** Where the manifests of a log end. */
export interface LogEnd {
  /** Manifests, those included that are known to be missing. */
  readonly size: number;
  /** Number of the next entry; null where it is not known. */
  readonly entries: number | null;
  /** Of the last manifest that is what it was; -1 when there is none. */
  readonly offset: number;
}

/** One partition while it is checked. What the rounds tell is kept for the rows of the tenants' logs. */
export interface PartitionCheck {
  readonly input: FsckInput;
  readonly key: PartitionKey;
  readonly registry: RegistryHistory;
  readonly progress: OnProgress;
  readonly totals: { entries: number; batches: number; rounds: number };
  /** Of the partition, by ordinal. */
  readonly commits: readonly CommitRow[];
  /** The claims that readers see, in the order of `commits`, and what else stands among the partition's commit rows. */
  readonly rows: PartitionCommits;
  /** Offsets that were committed: [start, end). */
  start: number;
  end: number;
  /** Offsets of which it is known already that rows are missing or cannot be seen. */
  readonly hidden: Ranges;
  /** Offsets whose round is missing or altered: its heads are bound by nothing. */
  readonly unbound: Ranges;
  readonly logs: LogSummaries;
  readonly troubles: HeadTrouble[];
  /** Heads in a round that did not seal them, or at an offset that ends no round; by the hex of their leaf. */
  readonly strays: Map<string, StrayHead>;
  /** By log in hex; of logs that have manifests, while rounds are in trouble. */
  readonly ends: Map<string, LogEnd>;
  readonly removed: RemovedRecords;
  /** registry_size from this offset on; null where the round is not known. */
  readonly registrySizes: { readonly from: number; readonly size: number | null }[];
  /** Offsets that are accounted for. */
  readonly tally: OffsetTally;
  report(code: FsckCode, at: FindingAt): void;
  readonly findings: Findings;
}
