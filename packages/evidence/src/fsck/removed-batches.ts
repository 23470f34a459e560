import type { PartitionKey, Range } from '@sealtrail/ledger-store';
import { hexOf } from '@sealtrail/merkle';
import { logId, parseHeader } from '@sealtrail/wire';
import type { FsckInput } from './context.ts';

/** Batches of one tenant of which no row is left. */
export interface RemovedBatches {
  readonly tenant: string;
  /** Hex. */
  readonly log: string;
  /** Of the first. */
  readonly offset: number;
  readonly batches: number;
  readonly entries: number;
}

/** What the event log tells about a range of offsets. */
export interface RecordsTold {
  /** By tenant, in the order of their first offsets. */
  readonly removed: readonly RemovedBatches[];
  /** Logs that have manifests there. */
  readonly seen: ReadonlySet<string>;
}

/** Records that are read in all; a range beyond them is not told in full. */
const RECORDS_MAX = 10_000;
const RANGES_MAX = 1_000;
const NOTHING: RecordsTold = { removed: [], seen: new Set() };

/** Asks the event log whose batches they were that the store has no row of. Without its records nothing is told. */
export class RemovedRecords {
  readonly #input: FsckInput;
  readonly #key: PartitionKey;
  #records = 0;
  #ranges = 0;

  constructor(input: FsckInput, key: PartitionKey) {
    this.#input = input;
    this.#key = key;
  }

  async told({ from, to }: Range): Promise<RecordsTold> {
    const { readRecord, sha256, audience } = this.#input;
    if (readRecord === undefined || this.#ranges++ >= RANGES_MAX || this.#records >= RECORDS_MAX) return NOTHING;
    const end = Math.min(to, from + RECORDS_MAX - this.#records);
    const { offsets, logs } = await this.#seen({ from, to: end });
    const { topic, incarnation, partition } = this.#key;
    const removed = new Map<string, RemovedBatches>();
    for (let offset = from; offset < end; offset++) {
      if (offsets.has(offset)) continue;
      this.#records++;
      const value = await readRecord(this.#key, offset);
      const parsed = value === null ? null : parseHeader(value, sha256);
      if (parsed === null || parsed.kind === 'refused' || parsed.header.audience !== audience) continue;
      const { tenant, count } = parsed.header;
      const log = (): string => hexOf(logId(sha256, { audience, tenant, topic, incarnation, partition, predecessor: null }));
      const known = removed.get(tenant) ?? { tenant, log: log(), offset, batches: 0, entries: 0 };
      removed.set(tenant, { ...known, batches: known.batches + 1, entries: known.entries + count });
    }
    return { removed: [...removed.values()], seen: logs };
  }

  /** Offsets that have a row, and the logs of those that are batches. */
  async #seen(offsets: Range): Promise<{ readonly offsets: ReadonlySet<number>; readonly logs: ReadonlySet<string> }> {
    const { store } = this.#input;
    const query = { partition: this.#key, offsets };
    const seen = new Set<number>();
    const logs = new Set<string>();
    for await (const page of store.manifests(query)) {
      for (const { manifest } of page) {
        seen.add(manifest.offset);
        logs.add(hexOf(manifest.log));
      }
    }
    for await (const page of store.rejected(query)) for (const { offset } of page) seen.add(offset);
    for await (const page of store.duplicates(query)) for (const { duplicate } of page) seen.add(duplicate.offset);
    return { offsets: seen, logs };
  }
}

const NAMES_MAX = 10;

/** Where rows are missing: the tenant when there is but one, and in words all of them. */
export function ownersOf(removed: readonly RemovedBatches[]): { readonly at: { tenant?: string; log?: string }; readonly words: string } {
  const [only] = removed;
  if (only === undefined) return { at: {}, words: '' };
  const names = removed.slice(0, NAMES_MAX).map(({ tenant }) => tenant);
  const more = removed.length > names.length ? ` and ${removed.length - names.length} more` : '';
  return {
    at: removed.length === 1 ? { tenant: only.tenant, log: only.log } : {},
    words: `; by the event log they held batches of ${names.join(', ')}${more}`,
  };
}
