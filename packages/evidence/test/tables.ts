import type { EntryColumns, ManifestColumns, RoundColumns } from '@sealtrail/ledger-store/memory';
import { type AuditEvent, currentEventSchema, hashEventLeaves, manifestCodec } from '@sealtrail/wire';
import { type SealedWorld, sha256 } from '../../verify/test/sealed-world.ts';

/** The rows of the committed rounds; the abandoned round's stand in the tables too. */
export const entriesOf = (world: SealedWorld, tenant: string): EntryColumns[] => {
  const abandoned = new Set(['invoice-x-0', 'invoice-x-1']);
  return world.store.tables.entries
    .filter((row) => row.tenant === tenant && !abandoned.has(row.resource_id))
    .sort((a, b) => a.entry - b.entry);
};

export function entryOf(world: SealedWorld, tenant: string, entry: number): EntryColumns {
  return found(entriesOf(world, tenant).find((row) => row.entry === entry));
}

export function manifestOf(world: SealedWorld, tenant: string, position: number): ManifestColumns {
  const hashes = world.rounds.flatMap(({ batches }) => batches.map(({ manifest_hash }) => manifest_hash));
  const rows = world.store.tables.manifests.filter((row) => hashes.some((hash) => same(hash, row.manifest_hash)));
  return found(rows.find(({ manifest }) => manifest.header.tenant === tenant && manifest.position === position));
}

export function headOf(world: SealedWorld, tenant: string, size: number): SealedWorld['store']['tables']['heads'][number] {
  const offsets = new Set(world.rounds.map(({ round }) => round.to - 1));
  const [row] = world.store.tables.heads.filter((head) => head.tenant === tenant && head.head.size === size && offsets.has(head.offset));
  return found(row);
}

export const roundOf = (world: SealedWorld, index: number): RoundColumns =>
  found(world.store.tables.rounds.find(({ hash }) => same(hash, world.rounds[index]?.hash ?? new Uint8Array(0))));

/** Takes rows out of a table. */
export function remove<Row>(table: Row[], ...rows: readonly Row[]): void {
  for (const row of rows) table.splice(table.indexOf(row), 1);
}

/** Exchanges columns of two rows. */
export function swap<Row extends object>(a: Row, b: Row, columns: readonly string[]): void {
  const [left, right] = [a, b] as unknown as [Record<string, unknown>, Record<string, unknown>];
  for (const column of columns) [left[column], right[column]] = [right[column], left[column]];
}

const PLACE = new Set(
  'topic incarnation partition tenant log producer delivery entry position batch_index batch_size event_schema recorded_at offset claim'.split(
    ' ',
  ),
);
/** The columns of the event itself, with its leaf. */
export const contentColumns = (row: EntryColumns): readonly string[] => Object.keys(row).filter((column) => !PLACE.has(column));

/** A forger who knows the format: the leaf follows the columns. */
export function forgeLeaf(row: EntryColumns): void {
  const schema = currentEventSchema();
  const room = new Uint8Array(65_536);
  const end = schema.encode(row as AuditEvent, room, 0);
  const ends = new Uint32Array(3);
  schema.walk(room, 0, end, ends, 0, { reason: 'malformed', detail: '' });
  row.leaf_hash = new Uint8Array(32);
  hashEventLeaves(sha256, room, 0, 1, ends, row.leaf_hash);
}

/** The same for a manifest. */
export function forgeHash(row: ManifestColumns): void {
  row.manifest_hash = manifestCodec().leafHash(sha256, manifestCodec().encode(row.manifest));
}

const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);

function found<T>(row: T | undefined): T {
  if (row === undefined) throw new Error('no such row');
  return row;
}
