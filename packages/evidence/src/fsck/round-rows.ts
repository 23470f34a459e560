import type { HeadRow, RejectedRow } from '@sealtrail/ledger-store';
import { compareBytes, frontierRoot, hexOf, sameBytes } from '@sealtrail/merkle';
import { type DuplicateRecord, duplicatesRoot, headsRoot, rejectionsRoot } from '@sealtrail/seal';
import { headCodec, type LogHead, type Round, WireError } from '@sealtrail/wire';
import type { HeadPlace, PartitionCheck, TroubledHead } from './context.ts';
import type { FsckCode } from './findings.ts';
import { PageReader } from './page-reader.ts';
import { ownersOf } from './removed-batches.ts';

/** Rows that were moved to a place of no round: kept to tell where they belong, up to a bound. */
const STRAYS_MAX = 100_000;
/** Rounds whose heads the manifests are asked about. */
const TROUBLES_MAX = 100_000;
/** Rows of a round beyond those that it binds that are looked at. */
const SURPLUS_KEPT_MAX = 1_000;
const LOOKS_MAX = 10_000;

/** Consecutive rounds of which no row can be seen. */
interface Unseen {
  first: number;
  last: number;
  from: number;
  to: number;
}

/** Heads, rejections and duplicates, held round by round against the roots that bind them. */
export class RoundRows {
  readonly #check: PartitionCheck;
  readonly #heads: PageReader<HeadRow>;
  readonly #rejected: PageReader<RejectedRow>;
  readonly #duplicates: PageReader<DuplicateRecord>;
  #looks = 0;
  #unseen: Unseen | null = null;
  readonly #unseenRuns: Unseen[] = [];
  /** Rounds without heads whose other rows are missing: part of a run of unseen rounds, or a fault of their own. */
  #undecided: { readonly round: Round; readonly report: () => void }[] = [];

  constructor(check: PartitionCheck) {
    this.#check = check;
    const { store } = check.input;
    const query = { partition: check.key, offsets: { from: 0, to: check.end } };
    this.#heads = new PageReader(store.heads(query));
    this.#rejected = new PageReader(store.rejected(query));
    this.#duplicates = new PageReader(store.duplicates(query));
  }

  /** The rows of one sound round. Rows before it belong to rounds that bind nothing. */
  async round(round: Round, recordedBefore: number): Promise<void> {
    await this.#skipTo(round.from);
    const heads = await this.#ofRound(this.#heads, round, 'head_added', round.heads, ({ offset }) => offset);
    const rejected = await this.#ofRound(this.#rejected, round, 'rejected_added', round.rejected, ({ offset }) => offset);
    const duplicates = await this.#ofRound(this.#duplicates, round, 'duplicate_added', round.duplicates, (row) => row.duplicate.offset);
    for (const row of rejected) this.#check.tally.add(row.offset);
    for (const { duplicate } of duplicates) this.#check.tally.add(duplicate.offset);
    if (this.#check.hidden.overlaps(round.from, round.to)) {
      for (const head of heads) this.#check.logs.unbound(head);
      // Of a round that is hidden in part, nothing can be told.
      this.#check.hidden.add({ from: round.from, to: round.to });
      return;
    }
    if (heads.length + rejected.length + duplicates.length === 0 && (await this.#isUnseen(round))) return;
    this.#endUnseen();
    this.#headsOf(round, heads);
    this.#listOf(round, 'rejected', rejected, {
      expected: round.rejected,
      root: round.rejected_root,
      rootOf: (rows) => rejectionsRoot(this.#check.input.sha256, rows),
      offsetOf: (row) => row.offset,
      recordedBefore,
    });
    this.#listOf(round, 'duplicate', duplicates, {
      expected: round.duplicates,
      root: round.duplicates_root,
      rootOf: (rows) =>
        duplicatesRoot(
          this.#check.input.sha256,
          rows.map(({ duplicate }) => duplicate),
        ),
      offsetOf: ({ duplicate }) => duplicate.offset,
      recordedBefore,
    });
  }

  /** After the last round. `explains` tells whether a commit row was found altered that hides these offsets. */
  async ends(explains: (from: number, to: number) => boolean): Promise<void> {
    await this.#skipTo(Number.POSITIVE_INFINITY);
    this.#endUnseen();
    for (const { first, last, from, to } of this.#unseenRuns) {
      if (explains(from, to)) continue;
      const { at, words } = ownersOf((await this.#check.removed.told({ from, to })).removed);
      this.#check.report('rows_missing', {
        ...at,
        round: first,
        offset: from,
        detail: `no row of ${first === last ? `round ${first}` : `rounds ${first} to ${last}`} (offsets ${from} to ${to - 1}) can be seen: they were removed together, or the commit row that shows them was altered; restore either${words}`,
      });
    }
  }

  async #skipTo(offset: number): Promise<void> {
    await this.#heads.drop(
      (row) => row.offset < offset,
      (head) => this.#check.logs.unbound(head),
    );
    await this.#rejected.drop((row) => row.offset < offset);
    await this.#duplicates.drop(({ duplicate }) => duplicate.offset < offset);
  }

  /** The rows of a round: as many as it binds and some more. A flood of added rows is one finding. */
  async #ofRound<Row>(
    reader: PageReader<Row>,
    round: Round,
    code: FsckCode,
    expected: number,
    offsetOf: (row: Row) => number,
  ): Promise<readonly Row[]> {
    const inRound = (row: Row): boolean => offsetOf(row) < round.to;
    const rows = await reader.takeWhile(inRound, expected + SURPLUS_KEPT_MAX);
    const flood = rows.length === expected + SURPLUS_KEPT_MAX ? await reader.drop(inRound) : 0;
    if (flood > 0) {
      const detail = `${rows.length + flood} rows where round ${round.index} binds ${expected}; remove what was added`;
      this.#check.report(code, { round: round.index, offset: round.from, detail });
    }
    return rows;
  }

  /** Whether nothing of a round can be seen, not even manifests: then its rows went together, or its commit row hides them. */
  async #isUnseen(round: Round): Promise<boolean> {
    const { store } = this.#check.input;
    if (round.heads === 0) {
      this.#undecided.push({ round, report: () => this.#missingLists(round) });
      if (this.#unseen !== null) this.#extendUnseen(round);
      return true;
    }
    // Each look costs a query: where most heads are gone, it is not asked of every round.
    if (this.#looks++ >= LOOKS_MAX) return false;
    const manifests = new PageReader(store.manifests({ partition: this.#check.key, offsets: { from: round.from, to: round.to } }));
    const seen = await manifests.peek();
    await manifests.close();
    if (seen !== undefined) return false;
    this.#extendUnseen(round);
    return true;
  }

  #extendUnseen(round: Round): void {
    const first = this.#undecided[0]?.round ?? round;
    this.#unseen ??= { first: first.index, last: first.index, from: first.from, to: first.to };
    this.#unseen.last = round.index;
    this.#unseen.to = round.to;
    this.#undecided = [];
  }

  #endUnseen(): void {
    for (const { report } of this.#undecided) report();
    this.#undecided = [];
    const unseen = this.#unseen;
    if (unseen === null) return;
    this.#unseen = null;
    this.#unseenRuns.push(unseen);
    this.#check.hidden.add({ from: unseen.from, to: unseen.to });
  }

  #missingLists(round: Round): void {
    const at = { round: round.index, offset: round.from };
    const detail = (what: string, count: number): string =>
      `round ${round.index} has ${count} ${what}, none of them is there; restore the rows`;
    if (round.rejected > 0) this.#check.report('rejected_missing', { ...at, detail: detail('rejected records', round.rejected) });
    if (round.duplicates > 0) this.#check.report('duplicate_missing', { ...at, detail: detail('duplicates', round.duplicates) });
  }

  #headsOf(round: Round, rows: readonly HeadRow[]): void {
    const { report, troubles } = this.#check;
    const placed: HeadRow[] = [];
    for (const row of rows) {
      if (row.offset === round.to - 1) placed.push(row);
      else this.#stray(row, false);
    }
    placed.sort((a, b) => compareBytes(a.head.log, b.head.log));
    const holds = (some: readonly HeadRow[]): boolean =>
      some.length === round.heads && sameBytes(headsRootOf(this.#check, some), round.heads_root);
    let sound = placed;
    if (!holds(placed)) {
      const extra = placed.length === round.heads + 1 ? placed.find((one) => holds(placed.filter((other) => other !== one))) : undefined;
      if (extra === undefined) {
        const known = new Map<string, TroubledHead>();
        for (const row of placed) {
          const leaf = leafName(this.#check, row.head);
          if (leaf === '' || !known.has(leaf)) known.set(leaf, this.#troubled(row));
          else
            report('head_added', {
              ...headPlace(row),
              round: round.index,
              offset: row.offset,
              detail: `the head of size ${row.head.size} is there twice; remove one row`,
            });
        }
        for (const row of placed) this.#check.logs.unbound(row);
        if (troubles.length >= TROUBLES_MAX) {
          const detail = `round ${round.index} binds ${round.heads} heads, and the ${placed.length} rows that are there are not these; restore them`;
          report(placed.length < round.heads ? 'head_missing' : 'head_altered', { round: round.index, offset: round.to - 1, detail });
          return;
        }
        troubles.push({
          round: round.index,
          from: round.from,
          to: round.to,
          expected: round.heads,
          rows: known,
          missing: [],
          settled: 0,
        });
        return;
      }
      sound = placed.filter((row) => row !== extra);
      const leaf = leafName(this.#check, extra.head);
      this.#stray(
        extra,
        sound.some(({ head }) => leafName(this.#check, head) === leaf),
      );
    }
    for (const row of sound) {
      this.#noteBound(row);
      const { size } = row.head;
      if (this.#frontierHolds(row)) continue;
      report('head_altered', {
        ...headPlace(row),
        round: round.index,
        detail: `the frontier of the head of size ${size} does not give its root; restore the row`,
      });
    }
  }

  #frontierHolds({ head, frontier }: HeadRow): boolean {
    return frontier.size === head.size && sameBytes(frontierRoot(this.#check.input.sha256, frontier), head.root);
  }

  #troubled(row: HeadRow): TroubledHead {
    return { ...placeOf(row), last: hexOf(row.head.last), frontier_holds: this.#frontierHolds(row) };
  }

  #stray(row: HeadRow, doubled: boolean): void {
    const { strays } = this.#check;
    if (strays.size < STRAYS_MAX) strays.set(leafName(this.#check, row.head), { ...placeOf(row), offset: row.offset, doubled });
  }

  /** What a sound head tells about its log. */
  #noteBound(row: HeadRow): void {
    const { logs, report } = this.#check;
    const misplaced = logs.bound(row);
    if (misplaced === null) return;
    report('head_altered', {
      tenant: misplaced.right,
      log: hexOf(row.head.log),
      position: misplaced.size - 1,
      offset: misplaced.offset,
      detail: `the head of size ${misplaced.size} stands under tenant ${misplaced.wrong}; restore the row`,
    });
  }

  #listOf<Row extends { readonly recorded_at: number }>(
    round: Round,
    kind: 'rejected' | 'duplicate',
    rows: readonly Row[],
    list: {
      readonly expected: number;
      readonly root: Uint8Array;
      readonly rootOf: (rows: readonly Row[]) => Uint8Array;
      readonly offsetOf: (row: Row) => number;
      readonly recordedBefore: number;
    },
  ): void {
    const { report } = this.#check;
    const code = (what: 'altered' | 'missing' | 'added'): FsckCode => `${kind}_${what}`;
    const at = { round: round.index };
    const holds = (some: readonly Row[]): boolean =>
      some.length === list.expected &&
      sameBytes(
        orEmpty(() => list.rootOf(some)),
        list.root,
      );
    let sound = rows;
    if (!holds(rows)) {
      const offsets = rows.map(list.offsetOf).join(', ');
      if (rows.length < list.expected) {
        report(code('missing'), {
          ...at,
          offset: round.from,
          detail: `round ${round.index} has ${list.expected} of them, ${rows.length} are there${offsets === '' ? '' : ` (offsets ${offsets})`}; restore the rows`,
        });
        return;
      }
      const extra = rows.length === list.expected + 1 ? rows.find((one) => holds(rows.filter((other) => other !== one))) : undefined;
      if (extra === undefined) {
        const [first] = rows;
        const added = rows.length > list.expected;
        report(code(added ? 'added' : 'altered'), {
          ...at,
          offset: first === undefined ? round.from : list.offsetOf(first),
          detail: `the rows at offsets ${offsets} do not give the root of round ${round.index}${added ? `, which has ${list.expected} of them` : ''}; restore them`,
        });
        return;
      }
      sound = rows.filter((row) => row !== extra);
      report(code('added'), { ...at, offset: list.offsetOf(extra), detail: `a row that round ${round.index} did not seal; remove it` });
    }
    let recordedAt = list.recordedBefore;
    for (const row of sound) {
      if (row.recorded_at < recordedAt || row.recorded_at > round.recorded_at) {
        report(code('altered'), { ...at, offset: list.offsetOf(row), detail: `recorded_at is outside of its round; restore the row` });
      } else recordedAt = row.recorded_at;
    }
  }
}

const headPlace = (row: HeadRow): { readonly tenant: string; readonly log: string; readonly position: number } => ({
  tenant: row.tenant,
  log: hexOf(row.head.log),
  position: row.head.size - 1,
});

/** A value that no honest row has, where columns have no encoding. */
function orEmpty(root: () => Uint8Array): Uint8Array {
  try {
    return root();
  } catch (error) {
    if (error instanceof WireError) return new Uint8Array(0);
    throw error;
  }
}

const headsRootOf = (check: PartitionCheck, rows: readonly HeadRow[]): Uint8Array =>
  orEmpty(() =>
    headsRoot(
      check.input.sha256,
      rows.map(({ head }) => head),
    ),
  );

const placeOf = ({ tenant, head }: HeadRow): HeadPlace => ({ tenant, log: hexOf(head.log), size: head.size });

/** Hex of a head's leaf; empty when it has no encoding. */
export const leafName = (check: PartitionCheck, head: LogHead): string =>
  hexOf(orEmpty(() => headCodec().leafHash(check.input.sha256, headCodec().encode(head))));
