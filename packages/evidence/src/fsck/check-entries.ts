import type { StoredEntry } from '@sealtrail/ledger-store';
import { hexOf, sameBytes } from '@sealtrail/merkle';
import { erasedSection, sectionEnds } from '@sealtrail/verify';
import {
  actorDigest,
  type BatchManifest,
  type EventSchema,
  eventLeafFromParts,
  knownEventSchemas,
  objectDigest,
  parseHeader,
  walkBatch,
} from '@sealtrail/wire';
import type { PartitionCheck } from './context.ts';
import { LeafTree, swappedWithin } from './leaf-tree.ts';
import type { MovedRows } from './moved-rows.ts';
import type { PageReader } from './page-reader.ts';
import type { WrongBatches } from './wrong-batches.ts';

/** One row of a place, with what is wrong with it. */
interface Judged {
  readonly row: StoredEntry;
  /** Recomputed from the columns; null when they have no encoding. */
  readonly leaf: Uint8Array | null;
  readonly fault: string | null;
}

/** The entries of one log, batch by batch. */
export class LogEntries {
  readonly #check: PartitionCheck;
  readonly #reader: PageReader<StoredEntry>;
  readonly #moved: MovedRows;
  readonly #wrong: WrongBatches;
  readonly #tenant: string;
  readonly #log: Uint8Array;

  constructor(
    check: PartitionCheck,
    reader: PageReader<StoredEntry>,
    moved: MovedRows,
    wrong: WrongBatches,
    tenant: string,
    log: Uint8Array,
  ) {
    this.#check = check;
    this.#reader = reader;
    this.#moved = moved;
    this.#wrong = wrong;
    this.#tenant = tenant;
    this.#log = log;
  }

  readonly #inLog = (row: StoredEntry): boolean => row.tenant === this.#tenant && sameBytes(row.log, this.#log);

  #take(to: number, max: number): Promise<StoredEntry[]> {
    return this.#reader.takeWhile((row) => this.#inLog(row) && row.entry < to, max);
  }

  /** The rows of one sound batch, whose first entry is `first_entry` of its manifest. */
  async batch(manifest: BatchManifest): Promise<void> {
    const { first_entry, header } = manifest;
    const end = first_entry + header.count;
    const places: Judged[][] = Array.from({ length: header.count }, () => []);
    // As many rows as there should be, and some more; a flood of added rows is taken in parts.
    for (let rows = await this.#take(end, ROWS_MAX); rows.length > 0; rows = await this.#take(end, ROWS_MAX)) {
      this.#check.totals.entries += rows.length;
      for (const row of rows) {
        const place = places[row.entry - first_entry];
        if (place === undefined || place.length >= ALTERNATIVES_MAX) this.#moved.surplusEntry(row);
        else place.push(this.#judge(row, manifest));
      }
    }
    await this.#settle(manifest, places);
  }

  /** Entries whose manifest is missing or altered: that they follow one another and give their own leaves. `to` is where they end, null when that is not known. Gives how many rows there are. */
  async unbound(from: number, to: number | null): Promise<number> {
    let next = from;
    let seen = 0;
    const gaps: { from: number; to: number }[] = [];
    const end = to ?? Number.POSITIVE_INFINITY;
    for (let rows = await this.#take(end, ROWS_MAX); rows.length > 0; rows = await this.#take(end, ROWS_MAX)) {
      this.#check.totals.entries += rows.length;
      for (const row of rows) {
        if (row.entry < next) {
          this.#moved.surplusEntry(row);
          continue;
        }
        seen++;
        if (row.entry > next && gaps.length < GAPS_MAX) gaps.push({ from: next, to: row.entry });
        next = row.entry + 1;
        const { fault } = this.#judge(row, null);
        if (fault !== null) this.#altered(row.entry, row.position, row.offset, fault);
      }
    }
    if (to !== null && next < to && seen > 0) gaps.push({ from: next, to });
    for (const gap of seen > 0 ? gaps : []) {
      for (let entry = gap.from; entry < gap.to && entry < gap.from + GAPS_MAX; entry++) {
        this.#moved.missingEntry({ tenant: this.#tenant, log: hexOf(this.#log), entry, position: null, offset: null, batch_index: null });
      }
    }
    return seen;
  }

  /** Rows of the log beyond its end. */
  async rest(): Promise<void> {
    this.#check.totals.entries += await this.#reader.drop(this.#inLog, (row) => this.#moved.surplusEntry(row));
  }

  /** Holds a row against its manifest, column by column, and against its own leaf. */
  #judge(row: StoredEntry, manifest: BatchManifest | null): Judged {
    const { leaf, fault } = leafOf(this.#check, row);
    if (fault !== null) return { row, leaf, fault };
    if (manifest !== null) {
      const { header } = manifest;
      const index = row.entry - manifest.first_entry;
      const wrong = [
        ...(row.producer === header.producer ? [] : ['producer']),
        ...(row.delivery === header.delivery ? [] : ['delivery']),
        ...(row.position === manifest.position ? [] : ['position']),
        ...(row.batch_index === index ? [] : ['batch_index']),
        ...(row.batch_size === header.count ? [] : ['batch_size']),
        ...(sameBytes(row.event_schema, header.event_schema) ? [] : ['event_schema']),
        ...(row.recorded_at === manifest.recorded_at ? [] : ['recorded_at']),
        ...(row.topic === manifest.topic ? [] : ['topic']),
        ...(row.incarnation === manifest.incarnation ? [] : ['incarnation']),
        ...(row.partition === manifest.partition ? [] : ['partition']),
        ...(row.offset === manifest.offset ? [] : ['offset']),
      ];
      if (wrong.length > 0)
        return { row, leaf, fault: `${wrong.join(', ')} differ${wrong.length === 1 ? 's' : ''} from manifest ${manifest.position}` };
    }
    return { row, leaf, fault: leaf !== null && sameBytes(leaf, row.leaf_hash) ? null : 'its columns do not give its leaf_hash' };
  }

  async #settle(manifest: BatchManifest, places: readonly Judged[][]): Promise<void> {
    const { first_entry, header, position, offset } = manifest;
    if (header.count === 0) return;
    const chosen = places.map((rows) => rows.find(({ fault }) => fault === null) ?? rows[0] ?? null);
    const doubled = places.flatMap((rows, i) => (rows.length > 1 ? [i] : []));
    const truth = await this.#trueLeaves(manifest, chosen, places);
    // Of several rows of one entry, the one that gives the root is the entry; the others were added.
    for (const i of doubled) {
      const right =
        (truth && places[i]?.find(({ leaf, fault }) => fault === null && leaf !== null && sameBytes(leaf, truth[i] as Uint8Array))) ??
        chosen[i];
      chosen[i] = right ?? null;
      for (const other of places[i] ?? []) if (other !== right) this.#moved.surplusEntry(other.row);
    }
    let explained = false;
    chosen.forEach((one, i) => {
      const entry = first_entry + i;
      if (one === null) {
        explained = true;
        this.#moved.missingEntry({ tenant: this.#tenant, log: hexOf(this.#log), entry, position, offset, batch_index: i });
      } else if (one.fault !== null) {
        explained = true;
        this.#altered(entry, position, offset, one.fault);
      } else if (truth !== null && !sameBytes(one.row.leaf_hash, truth[i] as Uint8Array)) {
        explained = true;
        this.#altered(entry, position, offset, 'its columns and its leaf_hash are not those of the event that was signed');
      }
    });
    if (!explained && truth === null) this.#unexplained(manifest, chosen);
  }

  /** The leaves that the signed root binds: those that stand there when they give it, else those of the record in the log; null when neither tells. */
  async #trueLeaves(
    manifest: BatchManifest,
    chosen: readonly (Judged | null)[],
    places: readonly Judged[][],
  ): Promise<readonly Uint8Array[] | null> {
    const { sha256, readRecord } = this.#check.input;
    const { root } = manifest.header;
    const leaves = chosen.map((one) => one?.row.leaf_hash ?? null);
    if (leaves.every((leaf) => leaf !== null && leaf.length === 32)) {
      const tree = new LeafTree(sha256, leaves as Uint8Array[]);
      if (tree.hasRoot(root)) return leaves as Uint8Array[];
      for (const changes of alternatives(chosen, places))
        if (tree.hasRoot(root, changes)) return leaves.map((leaf, i) => changes.get(i) ?? (leaf as Uint8Array));
    }
    const value = readRecord === undefined ? null : await readRecord(this.#check.key, manifest.offset);
    if (value === null) return null;
    const header = parseHeader(value, sha256);
    const batch = header.kind === 'refused' ? header : walkBatch(header, sha256);
    if (batch.kind === 'refused' || !sameBytes(batch.header.root, root)) return null;
    return chosen.map((_, i) => batch.leaves.slice(32 * i, 32 * i + 32));
  }

  /** Every row is at one with itself, and together they do not give the signed root. */
  #unexplained(manifest: BatchManifest, chosen: readonly (Judged | null)[]): void {
    const { first_entry, header, position, offset } = manifest;
    const tree = new LeafTree(
      this.#check.input.sha256,
      chosen.map((one) => (one as Judged).row.leaf_hash),
    );
    const swapped = swappedWithin(tree, header.root);
    if (swapped === null) {
      this.#wrong.add({
        tenant: this.#tenant,
        log: hexOf(this.#log),
        position,
        offset,
        first_entry,
        count: header.count,
        tree,
        root: header.root,
      });
      return;
    }
    for (const [one, other] of [swapped, [swapped[1], swapped[0]]] as const) {
      this.#altered(first_entry + one, position, offset, `the event of entry ${first_entry + other} stands here`);
    }
  }

  #altered(entry: number, position: number, offset: number, why: string): void {
    this.#check.report('entry_altered', {
      tenant: this.#tenant,
      log: hexOf(this.#log),
      entry,
      position,
      offset,
      detail: `entry ${entry}: ${why}; restore the row`,
    });
  }
}

const ROWS_MAX = 8_192;
/** Rows of one entry that are kept apart. */
const ALTERNATIVES_MAX = 8;
const GAPS_MAX = 10_000;
/** Ways to choose among doubled or altered rows that are tried, at most. */
const CHOICES_MAX = 256;

/** Other leaves that could belong: of doubled rows the others, of an altered row what its columns give. */
function* alternatives(chosen: readonly (Judged | null)[], places: readonly Judged[][]): Generator<ReadonlyMap<number, Uint8Array>> {
  const options = chosen.map((one, i) => {
    const others = (places[i] ?? [])
      .filter((other) => other !== one)
      .flatMap(({ row, leaf }) => [row.leaf_hash, ...(leaf === null ? [] : [leaf])]);
    const own = one?.fault != null && one.leaf !== null && !sameBytes(one.leaf, one.row.leaf_hash) ? [one.leaf] : [];
    return [...own, ...others].filter((leaf) => leaf.length === 32);
  });
  const open = options.flatMap((some, i) => (some.length > 0 ? [i] : []));
  const choices = open.reduce((product, i) => product * (1 + (options[i]?.length ?? 0)), 1);
  if (choices > CHOICES_MAX) return;
  for (let choice = 1; choice < choices; choice++) {
    const changes = new Map<number, Uint8Array>();
    let rest = choice;
    for (const i of open) {
      const some = options[i] ?? [];
      const pick = rest % (1 + some.length);
      rest = Math.floor(rest / (1 + some.length));
      if (pick > 0) changes.set(i, some[pick - 1] as Uint8Array);
    }
    yield changes;
  }
}

/** The leaf that a row's columns give, with the digests of erased sections in their place. */
function leafOf(check: PartitionCheck, row: StoredEntry): { readonly leaf: Uint8Array | null; readonly fault: string | null } {
  const { sha256 } = check.input;
  const schema = schemaOf(row.event_schema);
  if (row.bytes === null || schema === undefined) return { leaf: null, fault: 'its columns have no canonical encoding' };
  const ends = sectionEnds(schema, row.bytes);
  if (ends === null) return { leaf: null, fault: 'its columns have no canonical encoding' };
  const actor = row.bytes.subarray(0, ends[0]);
  const object = row.bytes.subarray(ends[0], ends[1]);
  const rest = row.bytes.subarray(ends[1]);
  for (const [section, bytes, digest] of [
    ['actor', actor, row.actor_digest],
    ['object', object, row.object_digest],
  ] as const) {
    if (digest === null) continue;
    if (digest.length !== 32 || !sameBytes(bytes, erasedSection(schema, section)))
      return { leaf: null, fault: `its ${section} section has a digest and is not empty` };
  }
  const leaf = eventLeafFromParts(sha256, {
    actor_digest: row.actor_digest ?? actorDigest(sha256, actor),
    object_digest: row.object_digest ?? objectDigest(sha256, object),
    rest,
  });
  return { leaf, fault: null };
}

const schemaOf = (sha256: Uint8Array): EventSchema | undefined => knownEventSchemas().find((known) => sameBytes(known.sha256, sha256));
