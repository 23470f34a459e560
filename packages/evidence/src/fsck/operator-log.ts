import type { CheckpointRow } from '@sealtrail/ledger-store';
import { appendLeaf, type Checkpoint, EMPTY_FRONTIER, type Frontier, frontierRoot, hexOf, sameBytes } from '@sealtrail/merkle';
import { operatorLogOrigin, readCheckpoint } from '@sealtrail/verify';
import { soundRound } from './commit-rows.ts';
import type { CommittedPlace, PartitionCheck } from './context.ts';
import { PageReader } from './page-reader.ts';
import { ownersOf } from './removed-batches.ts';

/** Stored checkpoints of one operator log, by size. */
export type StoredCheckpoints = AsyncIterable<readonly CheckpointRow[]>;

/**
 * The operator log as it grows round by round, held against what was signed and committed: stored checkpoints, checkpoints
 * kept elsewhere, the committed offset of the group. Stored checkpoints are read as the log grows: one page is held.
 */
export class OperatorLog {
  readonly #check: PartitionCheck;
  readonly #stored: PageReader<CheckpointRow>;
  /** By size, ascending. */
  readonly #saved: Checkpoint[];
  #committed: CommittedPlace | null;
  #frontier: Frontier | null = EMPTY_FRONTIER;
  #size = 0;
  #lost = false;
  readonly #mismatched = new Set<string>();

  constructor(check: PartitionCheck, stored: StoredCheckpoints, saved: readonly Checkpoint[], committed: CommittedPlace | null) {
    this.#check = check;
    this.#committed = committed;
    this.#stored = new PageReader(stored);
    this.#saved = [...saved].sort((a, b) => a.size - b.size);
  }

  /** A stored checkpoint is what its note says, and the note is signed. */
  #isSound(row: CheckpointRow): boolean {
    const { input, key, report } = this.#check;
    const origin = operatorLogOrigin(input.audience, key.incarnation, key.partition);
    const signer = input.checkpointKey(origin);
    const reading = readCheckpoint(row.note, signer === null ? [] : [signer], input.ed25519Verify);
    const { checkpoint } = reading;
    const same =
      checkpoint !== null && checkpoint.origin === row.origin && checkpoint.size === row.size && sameBytes(checkpoint.root, row.root);
    if (same && (reading.kind === 'verified' || signer === null)) return true;
    const why = !same ? 'its columns are not what its note says' : reading.kind === 'refused' ? reading.detail : '';
    report('checkpoint_altered', {
      round: row.size,
      detail: `stored checkpoint of size ${row.size}: ${why}; restore it from where it was published`,
    });
    return false;
  }

  /** The next round's hash; null when nothing tells it: from there on the tree is not known. */
  async append(hash: Uint8Array | null): Promise<void> {
    await this.#compare();
    this.#size++;
    this.#frontier = hash === null || this.#frontier === null ? null : appendLeaf(this.#check.input.sha256, this.#frontier, hash);
  }

  /** Whether a row's own copy of the frontier is that of the tree; true where the tree is not known. */
  hasFrontier({ size, nodes }: Frontier): boolean {
    const mine = this.#frontier;
    if (mine === null) return true;
    return (
      size === mine.size && nodes.length === mine.nodes.length && nodes.every((node, i) => sameBytes(node, mine.nodes[i] as Uint8Array))
    );
  }

  /** A round that ends at `to`, and the hash that belongs to it. */
  committed(to: number, hash: Uint8Array | null): void {
    const place = this.#committed;
    if (place === null || to < place.offset) return;
    this.#committed = null;
    if (to === place.offset && (hash === null || sameBytes(hash, place.round_hash))) return;
    this.#check.report('commit_mismatch', {
      offset: place.offset,
      detail: `the event log's group committed offset ${place.offset} with round ${hexOf(place.round_hash)}; the store has another: it is not the store that was committed, or was written anew`,
    });
  }

  /** Checkpoints of the size that the log has now. */
  async #compare(): Promise<void> {
    const frontier = this.#frontier;
    const root = frontier === null ? null : once(() => frontierRoot(this.#check.input.sha256, frontier));
    await this.#stored.drop(
      (row) => row.size <= this.#size,
      (row) => {
        if (this.#isSound(row)) this.#hold('checkpoint_mismatch', row, root);
      },
    );
    while (this.#saved[0] !== undefined && this.#saved[0].size <= this.#size) {
      this.#hold('saved_checkpoint_mismatch', this.#saved.shift() as Checkpoint, root);
    }
  }

  #hold(code: 'checkpoint_mismatch' | 'saved_checkpoint_mismatch', checkpoint: Checkpoint, root: (() => Uint8Array) | null): void {
    if (root === null || sameBytes(root(), checkpoint.root)) return;
    // Whatever was signed later differs too.
    if (this.#mismatched.has(code)) return;
    this.#mismatched.add(code);
    this.#check.report(code, {
      round: checkpoint.size,
      detail: `${nameOf(code === 'saved_checkpoint_mismatch')} of size ${checkpoint.size} has another root than the first ${checkpoint.size} rounds: history was rewritten; keep both as evidence and restore from a backup that extends it`,
    });
  }

  /** How many rounds there are is not known: what lies beyond is no finding of its own. */
  lose(): void {
    this.#frontier = null;
    this.#saved.length = 0;
    this.#lost = true;
    this.#committed = null;
  }

  /** The largest of the stored checkpoints that are left, each of which must be sound. */
  async #largestLeft(): Promise<Checkpoint | undefined> {
    let largest: Checkpoint | undefined;
    await this.#stored.drop(
      () => true,
      (row) => {
        if (this.#isSound(row)) largest = row;
      },
    );
    return this.#lost ? undefined : largest;
  }

  /** The commit row follows the group's commit: whether it has come since the rows were read. */
  async #reached(offset: number): Promise<boolean> {
    const { input, key } = this.#check;
    return (await input.store.commits(key)).some(({ to }) => to >= offset);
  }

  /** After the last round. */
  async ends(): Promise<void> {
    const { report } = this.#check;
    await this.#compare();
    if (this.#committed !== null && (await this.#reached(this.#committed.offset))) this.#committed = null;
    const ahead = { stored: await this.#largestLeft(), saved: this.#saved.at(-1) };
    for (const saved of [false, true]) {
      const largest = saved ? ahead.saved : ahead.stored;
      // What the group committed says the same, and more.
      if (largest === undefined || (!saved && this.#committed !== null)) continue;
      report(saved ? 'saved_checkpoint_ahead' : 'checkpoint_ahead', {
        round: largest.size,
        detail: `${nameOf(saved)} covers ${largest.size} rounds, the store has ${this.#size}: rounds were cut off; restore them from a backup`,
      });
    }
    if (this.#committed !== null) await this.#reportTail(this.#committed);
  }

  /** What the group has committed and nobody sees: its rows are gone, or only the commit row that shows them. */
  async #reportTail(committed: CommittedPlace): Promise<void> {
    const { input, report, end, removed } = this.#check;
    const { at, words } = ownersOf((await removed.told({ from: end, to: committed.offset })).removed);
    const isThere = (await soundRound(input, committed)) !== null;
    const why = isThere
      ? 'its round is there, its commit row is not: a ledger was stopped between the two, or the row was removed; start a ledger, which writes the row'
      : 'the tail was removed; restore it from a backup';
    report('tail_missing', {
      ...at,
      offset: end,
      detail: `the event log's group committed up to offset ${committed.offset}, the store shows up to ${end}: ${why}${words}`,
    });
  }
}

const nameOf = (saved: boolean): string => (saved ? 'the saved checkpoint' : 'a stored, signed checkpoint');

function once<T>(compute: () => T): () => T {
  let kept: { readonly value: T } | undefined;
  return () => {
    kept ??= { value: compute() };
    return kept.value;
  };
}
