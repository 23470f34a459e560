import { type CommitRow, type Range, visibleIntervals } from '@sealtrail/ledger-store';
import { hexOf, sameBytes } from '@sealtrail/merkle';
import { partitionName } from '../partition-name.ts';
import type { PartitionCheck } from './context.ts';

/** Ordinals of an era lie above those of the era before (docs/spec/commit.md). */
const ORDINALS_OF_AN_ERA = 2 ** 32;

/**
 * Holds the commit rows against one another and, while the rounds pass by, against the rounds that they name. What the
 * rows leave uncovered is hidden from readers: rows that should stand there are not looked for again.
 */
export class CommitsCheck {
  readonly #check: PartitionCheck;
  /** Claims whose end no round has shown yet. */
  readonly #open: CommitRow[];
  readonly #blamed = new Set<string>();
  readonly #gaps: Range[] = [];
  readonly #firstVisible: number;

  constructor(check: PartitionCheck) {
    this.#check = check;
    this.#open = [...check.commits].sort((a, b) => a.to - b.to);
    const own = new Set(check.commits.map(({ claim }) => hexOf(claim)));
    const visible = visibleIntervals(check.rows.shown)
      .filter(({ claim, from, to }) => from < to && own.has(hexOf(claim)))
      .sort((a, b) => a.from - b.from);
    this.#firstVisible = visible[0]?.from ?? check.end;
    let at = this.#firstVisible;
    for (const { from, to } of visible) {
      if (from > at) this.#gap({ from: at, to: from });
      at = Math.max(at, to);
    }
    if (at < check.end) this.#gap({ from: at, to: check.end });
  }

  /** The first committed round, before its rows are read. */
  begins(from: number): void {
    this.#check.start = from;
    if (this.#firstVisible > from) this.#gap({ from, to: this.#firstVisible });
    for (const row of this.#open) if (row.from < from) this.#blame(row, `it begins at offset ${row.from}, the first round at ${from}`);
  }

  /** A committed round, in order; `hash` is the one that belongs to it. */
  round(to: number, hash: Uint8Array): void {
    while (this.#open[0] !== undefined && this.#open[0].to < to)
      this.#blame(this.#open[0], `no round ends at its offset ${this.#open.shift()?.to}`);
    while (this.#open[0]?.to === to) {
      const row = this.#open.shift() as CommitRow;
      if (!sameBytes(row.round_hash, hash)) this.#blame(row, `the round that ends at offset ${to} has another hash`);
    }
  }

  /** A round whose end is not known passed by: claims that end in it cannot be judged. */
  unknownRound(to: number): void {
    while (this.#open[0] !== undefined && this.#open[0].to <= to) this.#open.shift();
  }

  /** After the last round. */
  ends(): void {
    for (const row of this.#open) this.#blame(row, `no round ends at its offset ${row.to}`);
    this.#judgeOrdinals();
    for (const row of this.#check.rows.moved) this.#blame(row, `it stands under ${partitionName(row)}`);
    // A row that was found altered, or one that stands here and belongs elsewhere, explains the gap that it leaves.
    if (this.#blamed.size > 0 || this.#check.rows.shown.length > this.#check.commits.length) return;
    for (const { from, to } of this.#gaps) {
      this.#check.report('commit_gap', {
        offset: from,
        detail: `offsets ${from} to ${to - 1} are under no claim: a commit row is missing or was altered, and hides the rows there; restore it`,
      });
    }
  }

  #judgeOrdinals(): void {
    // A row that stands under another partition has its ordinal here.
    const rows = [...this.#check.commits, ...this.#check.rows.moved];
    const byOrdinal = this.#outOfOrder([...rows].sort((a, b) => a.ordinal - b.ordinal || a.from - b.from));
    if (byOrdinal.length === 0) return;
    // A claim that rebuilt rows begins before its predecessor; others follow one another, and so the altered one shows.
    const byOffset = this.#outOfOrder([...rows].sort((a, b) => a.from - b.from || a.ordinal - b.ordinal));
    for (const { row, next } of byOffset.length <= byOrdinal.length ? byOffset : byOrdinal)
      this.#blame(row, `it has ordinal ${row.ordinal}, ${next.join(' or ')} is next`);
  }

  #outOfOrder(rows: readonly CommitRow[]): readonly { readonly row: CommitRow; readonly next: readonly number[] }[] {
    const found: { readonly row: CommitRow; readonly next: readonly number[] }[] = [];
    let before: number | null = null;
    for (const [i, row] of rows.entries()) {
      const next = nextOrdinals(before);
      // Where offsets before it are under no claim, it is the row before it that is missing.
      const isMissed = row.ordinal > (next[0] as number) && this.#gaps.some(({ to }) => to === row.from);
      const follows = next.includes(row.ordinal) || isMissed;
      if (!follows) found.push({ row, next });
      // A wrong ordinal is one row's fault, not that of those behind it.
      const goesOn = nextOrdinals(row.ordinal).includes(rows[i + 1]?.ordinal ?? -1);
      before = follows || goesOn ? row.ordinal : (next[0] as number);
    }
    return found;
  }

  /** Whether the row of a claim that covers some of these offsets was found altered. */
  explains(from: number, to: number): boolean {
    const { commits } = this.#check;
    // Where the last claim really ends is not known, once its row was altered.
    return commits.some((row, i) => row.from < to && (from < row.to || i === commits.length - 1) && this.#blamed.has(hexOf(row.claim)));
  }

  #gap(range: Range): void {
    this.#gaps.push(range);
    this.#check.hidden.add(range);
  }

  #blame(row: CommitRow, why: string): void {
    const claim = hexOf(row.claim);
    if (this.#blamed.has(claim)) return;
    this.#blamed.add(claim);
    const era = this.#eraAfter(row);
    const hint =
      era === null
        ? "restore it from the group's committed metadata or a backup"
        : `a new era began at offset ${era}, so it may be of a round that was lost with the group's offsets and sealed again since: it shows nothing from there on; remove it, or restore it where a backup has another`;
    this.#check.report('commit_altered', { offset: row.from, detail: `commit row of claim ${claim}: ${why}; ${hint}` });
  }

  /** Where a later era begins, of a row that says more than that: it landed after the era had begun. null of any other. */
  #eraAfter({ ordinal, to }: CommitRow): number | null {
    const later = this.#check.commits.filter((other) => eraOf(other.ordinal) > eraOf(ordinal)).map(({ from }) => from);
    const begins = Math.min(...later);
    return begins < to ? begins : null;
  }
}

const eraOf = (ordinal: number): number => Math.floor(ordinal / ORDINALS_OF_AN_ERA);

const nextOrdinals = (before: number | null): readonly number[] =>
  before === null ? [0, ORDINALS_OF_AN_ERA] : [before + 1, (eraOf(before) + 1) * ORDINALS_OF_AN_ERA];
