import type { StoredEntry, StoredManifest } from '@sealtrail/ledger-store';
import { hexOf } from '@sealtrail/merkle';
import type { PartitionCheck } from './context.ts';

/** An entry that a manifest asks for and that has no row. */
export interface MissingEntry {
  readonly tenant: string;
  readonly log: string;
  readonly entry: number;
  /** null where the manifest is not known: then the row cannot be told among those that stand elsewhere. */
  readonly position: number | null;
  readonly offset: number | null;
  readonly batch_index: number | null;
}

interface SurplusEntry {
  readonly tenant: string;
  readonly log: string;
  readonly entry: number;
  readonly position: number;
  readonly offset: number;
  readonly batch_index: number;
}

/** Manifests that follow one another and are not there. */
export interface MissingManifests {
  readonly tenant: string;
  readonly log: string;
  /** Position of the first. */
  readonly position: number;
  readonly count: number;
  /** Hash that belongs at the last of them; null where nothing tells. */
  readonly hash: Uint8Array | null;
  /** Entries that they held; null when it is not known. */
  readonly entries: { readonly from: number; readonly to: number } | null;
  /** Rows of those entries. */
  readonly rows_seen: number;
  /** They are all manifests of the log. */
  readonly whole_log?: true;
}

/** Manifests that are not there; `entries` is set when their whole batches are not. */
interface Gone {
  readonly tenant: string;
  readonly log: string;
  readonly position: number;
  readonly count: number;
  readonly entries: { readonly from: number; readonly to: number } | null;
}

interface SurplusManifest {
  readonly tenant: string;
  readonly log: string;
  readonly position: number;
  readonly hash: string;
  readonly offset: number;
}

/** Rows of each kind that are kept until all were seen. */
const KEPT_MAX = 100_000;

/**
 * Rows that stand where none belongs, and places that have no row: one altered column can make both of one row. What can
 * be told to be one row is one finding, at the place where it belongs.
 */
export class MovedRows {
  readonly #check: PartitionCheck;
  readonly #missingEntries: MissingEntry[] = [];
  readonly #surplusEntries = new Map<string, SurplusEntry[]>();
  #surplusKept = 0;
  readonly #missingManifests: MissingManifests[] = [];
  readonly #surplusManifests = new Map<string, SurplusManifest[]>();

  constructor(check: PartitionCheck) {
    this.#check = check;
  }

  missingEntry(missing: MissingEntry): void {
    if (this.#missingEntries.length < KEPT_MAX) this.#missingEntries.push(missing);
    else this.#reportMissing([missing]);
  }

  surplusEntry(row: StoredEntry): void {
    const { tenant, entry, position, offset, batch_index } = row;
    const surplus = { tenant, log: hexOf(row.log), entry, position, offset, batch_index };
    if (this.#surplusKept++ >= KEPT_MAX) this.#reportAdded([surplus]);
    else append(this.#surplusEntries, `${offset} ${batch_index}`, surplus);
  }

  missingManifests(run: MissingManifests): void {
    this.#missingManifests.push(run);
  }

  surplusManifest({ manifest, manifest_hash, tenant }: StoredManifest): void {
    const hash = hexOf(manifest_hash);
    const surplus = { tenant, log: hexOf(manifest.log), position: manifest.position, hash, offset: manifest.offset };
    if (this.#surplusKept++ >= KEPT_MAX) this.#reportAddedManifest(surplus);
    else append(this.#surplusManifests, hash, surplus);
  }

  /** Reports what was gathered. */
  settle(): void {
    this.#settleManifests();
    const missing: MissingEntry[] = [];
    for (const one of this.#missingEntries) {
      const moved = one.offset === null ? undefined : this.#surplusEntries.get(`${one.offset} ${one.batch_index}`)?.shift();
      if (moved === undefined) missing.push(one);
      else this.#reportMoved(one, moved);
    }
    for (const run of runs(missing, (a, b) => sameBatch(a, b) && b.entry === a.entry + 1)) this.#reportMissing(run);
    const surplus = [...this.#surplusEntries.values()]
      .flat()
      .sort((a, b) => compare(a.tenant, b.tenant) || compare(a.log, b.log) || a.entry - b.entry);
    for (const run of runs(surplus, (a, b) => a.tenant === b.tenant && a.log === b.log && b.entry === a.entry + 1)) this.#reportAdded(run);
  }

  #settleManifests(): void {
    const { report } = this.#check;
    const gone: Gone[] = [];
    for (const { tenant, log, position, count, hash, entries, rows_seen, whole_log } of this.#missingManifests) {
      const moved = hash === null ? undefined : this.#surplusManifests.get(hexOf(hash))?.shift();
      if (moved !== undefined) {
        report('manifest_altered', {
          tenant,
          log,
          position: position + count - 1,
          offset: moved.offset,
          detail: `the manifest stands as position ${moved.position} of log ${moved.log} of ${moved.tenant}; restore the row`,
        });
      }
      const left = moved === undefined ? count : count - 1;
      // With no row left of their entries either, they were removed as batches.
      const whole = left === count && entries !== null && entries.to > entries.from && rows_seen === 0;
      if (whole_log === true && left === count) {
        report('log_missing', {
          tenant,
          log,
          position,
          entry: 0,
          detail: `${count} manifests and ${entries?.to ?? 0} entries of the log are missing, though its heads are there; restore the rows`,
        });
      } else if (left > 0) gone.push({ tenant, log, position, count: left, entries: whole ? entries : null });
    }
    const together = (a: Gone, b: Gone): boolean =>
      a.tenant === b.tenant && a.log === b.log && b.position === a.position + a.count && (a.entries === null) === (b.entries === null);
    for (const run of runs(gone, together)) {
      const [first] = run as [Gone];
      const last = run.at(-1) as Gone;
      const { tenant, log, position } = first;
      const end = last.position + last.count - 1;
      const which = end === position ? `manifest ${position} is` : `manifests ${position} to ${end} are`;
      if (first.entries === null) report('manifest_missing', { tenant, log, position, detail: `${which} missing; restore the rows` });
      else {
        const all = `${first.entries.from} to ${(last.entries ?? first.entries).to - 1}`;
        report('batch_missing', {
          tenant,
          log,
          position,
          entry: first.entries.from,
          detail: `${which} missing, and so are the entries ${all}; restore the rows`,
        });
      }
    }
    for (const surplus of [...this.#surplusManifests.values()].flat()) this.#reportAddedManifest(surplus);
  }

  #reportAddedManifest({ tenant, log, position, offset }: SurplusManifest): void {
    this.#check.report('manifest_added', {
      tenant,
      log,
      position,
      offset,
      detail: `a manifest at position ${position} that no round sealed there; remove the row`,
    });
  }

  #reportMoved(place: MissingEntry, moved: SurplusEntry): void {
    const differs = [
      ...(moved.tenant === place.tenant ? [] : [`tenant ${moved.tenant}`]),
      ...(moved.log === place.log ? [] : [`log ${moved.log}`]),
      ...(moved.entry === place.entry ? [] : [`entry ${moved.entry}`]),
    ];
    this.#check.report('entry_altered', {
      ...entryPlace(place),
      detail: `the row stands under ${differs.join(', ') || 'its place, twice'}; restore it`,
    });
  }

  #reportMissing(run: readonly MissingEntry[]): void {
    const [first] = run as [MissingEntry];
    const which = run.length === 1 ? `entry ${first.entry} has` : `entries ${first.entry} to ${run.at(-1)?.entry} have`;
    this.#check.report('entry_missing', { ...entryPlace(first), detail: `${which} no row; restore the rows` });
  }

  #reportAdded(run: readonly SurplusEntry[]): void {
    const [first] = run as [SurplusEntry];
    const which = run.length === 1 ? `a row as entry ${first.entry}` : `rows as entries ${first.entry} to ${run.at(-1)?.entry}`;
    this.#check.report('entry_added', {
      ...entryPlace(first),
      offset: first.offset,
      detail: `${which} that no manifest asks for; remove what was added`,
    });
  }
}

const entryPlace = (at: MissingEntry): { tenant: string; log: string; entry: number; position?: number; offset?: number } => ({
  tenant: at.tenant,
  log: at.log,
  entry: at.entry,
  ...(at.position === null ? {} : { position: at.position }),
  ...(at.offset === null ? {} : { offset: at.offset }),
});

const sameBatch = (a: MissingEntry, b: MissingEntry): boolean => a.tenant === b.tenant && a.log === b.log && a.position === b.position;
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function append<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

/** Splits a list where neighbours do not go together. */
function runs<T>(list: readonly T[], together: (a: T, b: T) => boolean): readonly (readonly T[])[] {
  const all: T[][] = [];
  for (const item of list) {
    const run = all.at(-1);
    const last = run?.at(-1);
    if (run !== undefined && last !== undefined && together(last, item)) run.push(item);
    else all.push([item]);
  }
  return all;
}
