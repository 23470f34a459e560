/** A sealed store in which each case has a tenant of its own, so that all alterations are made at once and found at once. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commitRow, createSampleLedger, type SampleLedger, stored, storeRows } from '@sealtrail/ledger-store/samples';
import type { VerifyView } from '@sealtrail/ledger-store/sql';
import type { SealedRound } from '@sealtrail/seal';
import { type ChdbLedgerStore, openChdbStore } from '@sealtrail/store-chdb';

export const claims = {
  /** Positions 0 and 1 of each tenant. */
  first: new Uint8Array(16).fill(0xc1),
  /** Position 2. */
  second: new Uint8Array(16).fill(0xc2),
  /** Another partition, whose offsets are those of the first too. */
  elsewhere: new Uint8Array(16).fill(0xc3),
} as const;

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
/** Bytes as SQL. */
export const fixed = (bytes: Uint8Array): string => `toFixedString(unhex('${hex(bytes)}'), ${bytes.length})`;

export interface SealedStore {
  readonly store: ChdbLedgerStore;
  readonly ledger: SampleLedger;
  close(): Promise<void>;
}

/** The same batches for every ledger: two in the first round; in the second one more, and a heartbeat. */
export function sealRounds(ledger: SampleLedger, tenants: readonly string[]): readonly [SealedRound, SealedRound] {
  const batches = (count: number) => tenants.flatMap((tenant) => Array.from({ length: count }, () => ({ tenant, events: 3 })));
  const heartbeats = tenants.map((tenant) => ({ tenant, kind: 'HEARTBEAT' as const }));
  return [ledger.round(...batches(2)), ledger.round(...batches(1), ...heartbeats)];
}

/**
 * Each tenant's log has three manifests with three entries each, in two rounds under two claims, and one without entries.
 * The engine's own check is off, as it is for whoever can drop it.
 */
export async function openSealedStore(
  tenants: readonly string[],
  settings: { readonly check_leaves?: boolean } = {},
): Promise<SealedStore> {
  const dir = await mkdtemp(join(tmpdir(), 'sealtrail-verification-'));
  const store = await openChdbStore({ dir, check_leaves: settings.check_leaves ?? false });
  const ledger = createSampleLedger();
  const { key } = ledger;
  const [first, second] = sealRounds(ledger, tenants);
  await storeRows(store, key, claims.first, first);
  await stored(store.insertCommit(commitRow(key, claims.first, 0, 0, first)));
  await storeRows(store, key, claims.second, second);
  await stored(store.insertCommit(commitRow(key, claims.second, 1, second.round.from, second)));

  const other = createSampleLedger({ partition: { partition: 1 }, partitions: 2, seed: 'elsewhere' });
  const tenant = other.tenant(0);
  const round = other.round(...Array.from({ length: second.round.to }, () => ({ tenant, events: 1 })));
  await storeRows(store, other.key, claims.elsewhere, round);
  await stored(store.insertCommit(commitRow(other.key, claims.elsewhere, 0, 0, round)));
  return {
    store,
    ledger,
    async close() {
      await store.close();
      await rm(dir, { recursive: true });
    },
  };
}

export interface Finding {
  readonly view: VerifyView;
  readonly tenant: string;
  readonly log: string;
  /** Number of the entry, or position of the manifest. */
  readonly place: number;
  readonly problem: string;
  readonly detail: string;
}

const PLACES: Readonly<Record<VerifyView, string>> = { verify_entries: 'entry', verify_batches: 'position', verify_chain: 'position' };
export const views: readonly VerifyView[] = Object.keys(PLACES) as VerifyView[];

/** Everything that the views list; `where` narrows it, as an analyst would. */
export async function findingsOf(store: ChdbLedgerStore, where = '1'): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const view of views) findings.push(...(await findingsIn(store, view, view, where)));
  return findings;
}

/** The same, with settings of the session that it is asked in. */
export async function findingsUnder(store: ChdbLedgerStore, settings: string, where: string): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const view of views) {
    await store.alterUnguarded(
      `CREATE OR REPLACE TABLE found ENGINE = Memory AS SELECT * FROM ${view} WHERE ${where} SETTINGS ${settings}`,
    );
    findings.push(...(await findingsIn(store, view, 'found', '1')));
  }
  return findings;
}

async function findingsIn(store: ChdbLedgerStore, view: VerifyView, table: string, where: string): Promise<readonly Finding[]> {
  const sql = `SELECT tenant, log, ${PLACES[view]} AS place, problem, detail FROM ${table} WHERE ${where} ORDER BY tenant, place, problem, detail`;
  const { rows } = await store.select(sql);
  return rows.map((row) => ({ view, ...(row as unknown as Omit<Finding, 'view'>), place: Number(row['place']) }));
}

/** `verify_chain 1 manifest_differs` for each finding of one tenant, sorted. */
export const shortly = (findings: readonly Finding[], tenant: string): string[] =>
  findings
    .filter((finding) => finding.tenant === tenant)
    .map(({ view, place, problem }) => `${view} ${place} ${problem}`)
    .sort();
