import type { HeadRow, PartitionKey } from '@sealtrail/ledger-store';
import { hexOf, type Sha256, sameBytes } from '@sealtrail/merkle';
import { logId, WireError } from '@sealtrail/wire';

/** A log as its heads tell. */
export interface LogSummary {
  /** By the heads' rows; proven where `named`. */
  readonly tenant: string;
  /** The id is that of this tenant on this partition, without a predecessor. */
  readonly named: boolean;
  /** The last head that its round binds; null when none was seen. */
  readonly head: { readonly size: number; readonly entries: number; readonly last: Uint8Array; readonly offset: number } | null;
  /** Later heads were seen that no round binds: the log may go on. */
  readonly may_go_on: boolean;
  /** All of its bound heads, of a log that has few; null: ask the store. */
  readonly heads: readonly HeadRow[] | null;
}

/** Heads that are kept, of one log and of all: a log with more is worth a query of its own. */
const HEADS_OF_A_LOG_MAX = 64;
const HEADS_KEPT_MAX = 50_000;

/** The logs of one partition, gathered from the heads in order: grows with the number of logs, not of rows. */
export class LogSummaries {
  readonly #sha256: Sha256;
  readonly #audience: string;
  readonly #key: PartitionKey;
  readonly #logs = new Map<string, LogSummary>();
  #kept = 0;

  constructor(sha256: Sha256, audience: string, key: PartitionKey) {
    this.#sha256 = sha256;
    this.#audience = audience;
    this.#key = key;
  }

  of(log: string): LogSummary | undefined {
    return this.#logs.get(log);
  }

  [Symbol.iterator](): IterableIterator<[string, LogSummary]> {
    return this.#logs.entries();
  }

  /** Entries of all logs. */
  entries(): number {
    let total = 0;
    for (const { head } of this.#logs.values()) total += head?.entries ?? 0;
    return total;
  }

  /** Whether a log's id is that of a tenant, without a predecessor. */
  isOf(log: Uint8Array, tenant: string): boolean {
    const { topic, incarnation, partition } = this.#key;
    try {
      const identity = { audience: this.#audience, tenant, topic, incarnation, partition, predecessor: null };
      return sameBytes(logId(this.#sha256, identity), log);
    } catch (error) {
      if (error instanceof WireError) return false;
      throw error;
    }
  }

  /** A head that nothing binds: there may be such a log, and it may go on. */
  unbound({ tenant, head }: HeadRow): void {
    const name = hexOf(head.log);
    const known = this.#logs.get(name);
    this.#logs.set(
      name,
      known === undefined
        ? { tenant, named: this.isOf(head.log, tenant), head: null, may_go_on: true, heads: [] }
        : { ...known, may_go_on: true },
    );
  }

  /** The next head of a log. Gives a head that stands under a wrong tenant, this one or the one before it; else null. */
  bound(row: HeadRow): { readonly right: string; readonly wrong: string; readonly size: number; readonly offset: number } | null {
    const { tenant, head, offset } = row;
    const name = hexOf(head.log);
    const known = this.#logs.get(name);
    const heads = this.#withHead(known === undefined ? [] : known.heads, row);
    const latest = { size: head.size, entries: head.entries, last: head.last, offset };
    if (known === undefined || known.tenant === tenant) {
      this.#logs.set(name, { tenant, named: known?.named ?? this.isOf(head.log, tenant), head: latest, may_go_on: false, heads });
      return null;
    }
    const right = known.named || !this.isOf(head.log, tenant) ? known.tenant : tenant;
    this.#logs.set(name, { tenant: right, named: known.named || right === tenant, head: latest, may_go_on: false, heads });
    // Heads that nothing binds are told by the manifests.
    if (right === tenant && known.head === null) return null;
    const before = right === tenant ? known.head : null;
    const { size, offset: at } = before ?? latest;
    return { right, wrong: right === tenant ? known.tenant : tenant, size, offset: at };
  }

  #withHead(heads: readonly HeadRow[] | null, row: HeadRow): readonly HeadRow[] | null {
    if (heads === null) return null;
    if (heads.length >= HEADS_OF_A_LOG_MAX || this.#kept >= HEADS_KEPT_MAX) {
      this.#kept -= heads.length;
      return null;
    }
    this.#kept++;
    return [...heads, row];
  }
}
