/** The rows that readers see of one partition: by the definition of docs/spec/commit.md, over the rows as they stand. */
import type { PartitionKey } from '@sealtrail/ledger-store';
import type { MemoryTables } from '@sealtrail/ledger-store/memory';
import { latin1 } from './world.ts';

export interface VisibleRows {
  readonly entries: MemoryTables['entries'];
  readonly manifests: MemoryTables['manifests'];
  readonly heads: MemoryTables['heads'];
  readonly rejected: MemoryTables['rejected'];
  readonly duplicates: MemoryTables['duplicates'];
}

interface ClaimFacts {
  readonly ordinal: number;
  readonly from: number;
  readonly to: number;
}

/** Claims that have commit rows, by claim as latin1. */
export function claimsOf(tables: MemoryTables, key: PartitionKey): ReadonlyMap<string, ClaimFacts> {
  const claims = new Map<string, ClaimFacts>();
  for (const row of tables.commits) {
    if (!isIn(row, key)) continue;
    const before = claims.get(latin1(row.claim));
    claims.set(latin1(row.claim), {
      ordinal: row.ordinal,
      from: Math.min(row.from, before?.from ?? row.from),
      to: Math.max(row.to, before?.to ?? row.to),
    });
  }
  return claims;
}

export function visibleRows(tables: MemoryTables, key: PartitionKey): VisibleRows {
  const claims = claimsOf(tables, key);
  const ends = new Map<string, number>();
  for (const [name, claim] of claims) {
    let end = claim.to;
    for (const other of claims.values()) if (other.ordinal > claim.ordinal) end = Math.min(end, other.from);
    ends.set(name, end);
  }
  const shown = (claim: Uint8Array, offset: number): boolean => {
    const name = latin1(claim);
    const facts = claims.get(name);
    return facts !== undefined && facts.from <= offset && offset < (ends.get(name) as number);
  };
  return {
    entries: tables.entries.filter((row) => isIn(row, key) && shown(row.claim, row.offset)),
    manifests: tables.manifests.filter(({ claim, manifest }) => isIn(manifest, key) && shown(claim, manifest.offset)),
    heads: tables.heads.filter((row) => isIn(row, key) && shown(row.claim, row.offset)),
    rejected: tables.rejected.filter((row) => isIn(row, key) && shown(row.claim, row.offset)),
    duplicates: tables.duplicates.filter((row) => isIn(row, key) && shown(row.claim, row.duplicate.offset)),
  };
}

const isIn = (row: PartitionKey, key: PartitionKey): boolean =>
  row.partition === key.partition && row.incarnation === key.incarnation && row.topic === key.topic;
