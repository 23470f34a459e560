import type { CheckpointRow } from '@sealtrail/ledger-store';
import { appendLeaf, type Checkpoint, EMPTY_FRONTIER, type Frontier, frontierRoot } from '@sealtrail/merkle';
import { operatorLogOrigin, readCheckpoint } from '@sealtrail/verify';
import { hexOf, sameBytes } from '../bytes.ts';
import type { CommittedPlace, PartitionCheck } from './context.ts';
import { ownersOf } from './removed-batches.ts';

interface Awaited {
  readonly checkpoint: Checkpoint;
  readonly saved: boolean;
}

/**
 * The operator log as it grows round by round, held against what was signed and committed: stored checkpoints, checkpoints
 * kept elsewhere, the committed offset of the group.
 */
export class OperatorLog {
  readonly #check: PartitionCheck;
  /** By size, ascending. */
  readonly #awaited: Awaited[] = [];
  #committed: CommittedPlace | null;
  #frontier: Frontier | null = EMPTY_FRONTIER;
  #size = 0;
  readonly #mismatched = new Set<string>();

  constructor(check: PartitionCheck, stored: readonly CheckpointRow[], saved: readonly Checkpoint[], committed: CommittedPlace | null) {
    this.#check = check;
    this.#committed = committed;
    for (const row of stored) if (this.#isSound(row)) this.#awaited.push({ checkpoint: row, saved: false });
    for (const checkpoint of saved) this.#awaited.push({ checkpoint, saved: true });
    this.#awaited.sort((a, b) => a.checkpoint.size - b.checkpoint.size);
    this.#compare();
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
  append(hash: Uint8Array | null): void {
    this.#size++;
    this.#frontier = hash === null || this.#frontier === null ? null : appendLeaf(this.#check.input.sha256, this.#frontier, hash);
    this.#compare();
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

  #compare(): void {
    while (this.#awaited[0] !== undefined && this.#awaited[0].checkpoint.size <= this.#size) {
      const { checkpoint, saved } = this.#awaited.shift() as Awaited;
      const root = this.#frontier === null ? null : frontierRoot(this.#check.input.sha256, this.#frontier);
      if (root === null || sameBytes(root, checkpoint.root)) continue;
      const code = saved ? 'saved_checkpoint_mismatch' : 'checkpoint_mismatch';
      // Whatever was signed later differs too.
      if (this.#mismatched.has(code)) continue;
      this.#mismatched.add(code);
      this.#check.report(code, {
        round: checkpoint.size,
        detail: `${nameOf(saved)} of size ${checkpoint.size} has another root than the first ${checkpoint.size} rounds: history was rewritten; keep both as evidence and restore from a backup that extends it`,
      });
    }
  }

  /** How many rounds there are is not known: what lies beyond is no finding of its own. */
  lose(): void {
    this.#frontier = null;
    this.#awaited.length = 0;
    this.#committed = null;
  }

  /** The commit row follows the group's commit: whether it has come since the rows were read. */
  async #reached(offset: number): Promise<boolean> {
    const { input, key } = this.#check;
    return (await input.store.commits(key)).some(({ to }) => to >= offset);
  }

  /** After the last round. */
  async ends(): Promise<void> {
    const { report, end } = this.#check;
    if (this.#committed !== null && (await this.#reached(this.#committed.offset))) this.#committed = null;
    for (const saved of [false, true]) {
      const largest = this.#awaited.filter((one) => one.saved === saved).at(-1);
      // What the group committed says the same, and more.
      if (largest === undefined || (!saved && this.#committed !== null)) continue;
      report(saved ? 'saved_checkpoint_ahead' : 'checkpoint_ahead', {
        round: largest.checkpoint.size,
        detail: `${nameOf(saved)} covers ${largest.checkpoint.size} rounds, the store has ${this.#size}: rounds were cut off; restore them from a backup`,
      });
    }
    if (this.#committed !== null) {
      const { offset } = this.#committed;
      const { at, words } = ownersOf((await this.#check.removed.told({ from: end, to: offset })).removed);
      report('tail_missing', {
        ...at,
        offset: end,
        detail: `the event log's group committed up to offset ${offset}, the store shows up to ${end}: the tail was removed; restore it from a backup${words}`,
      });
    }
  }
}

const nameOf = (saved: boolean): string => (saved ? 'the saved checkpoint' : 'a stored, signed checkpoint');
