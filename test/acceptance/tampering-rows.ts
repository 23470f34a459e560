/** Rows deleted, forged, copied and exchanged: how, and what fsck then says. */
import type { FsckCode } from '@sealtrail/evidence';
import { actorDigestExpression, ENTRIES, erasedAssignments } from '@sealtrail/ledger-store/sql';
import { currentEventSchema } from '@sealtrail/wire';
import { hashOf, leafOf, type Step } from './tampering-steps.ts';

/** A finding in the log of the case's tenant, or of another one. */
export interface Found {
  readonly code: FsckCode;
  readonly entry?: number;
  readonly position?: number;
  readonly in?: 'second' | 'never-was';
}

/**
 * Each tenant has the same log: entries 0–2 at position 0, 3–5 at 1, 6–8 at 2, a heartbeat at 3, 9–11 at 4; heads of sizes
 * 2, 4 and 5.
 */
export interface RowCase {
  readonly title: string;
  /** For the case's tenant and a second one. */
  readonly steps: (tenant: string, second: string) => readonly Step[];
  readonly finds: readonly Found[];
}

type Table = 'entries' | 'manifests' | 'heads';
type Of = (tenant: string) => Step;
const isOf = (rows: string, tenant: string): string => `tenant = '${tenant}' AND ${rows}`;
const gone =
  (table: Table, rows: string): Of =>
  (tenant) => ({ do: 'delete', table, where: isOf(rows, tenant) });
const set =
  (table: Table, rows: string, to: Readonly<Record<string, string>>): Of =>
  (tenant) => ({ do: 'set', table, where: isOf(rows, tenant), to });
const copied =
  (table: Table, rows: string, to: Readonly<Record<string, string>>): Of =>
  (tenant) => ({ do: 'copy', table, where: isOf(rows, tenant), to });
const forgedLeaf = (rows: string): Of => set('entries', rows, { leaf_hash: leafOf() });
const forgedHash = (rows: string): Of => set('manifests', rows, { manifest_hash: hashOf() });
const forgedRoot =
  (position: number): Of =>
  (tenant) => ({ do: 'root', tenant, position });
const linked = (...positions: readonly number[]): readonly Of[] =>
  positions.flatMap((position): Of[] => [(tenant) => ({ do: 'link', tenant, position }), forgedHash(`position = ${position}`)]);
const steps =
  (...all: readonly Of[]) =>
  (tenant: string): readonly Step[] =>
    all.map((one) => one(tenant));

/** What an entry has of its batch and of its place; the rest is its event's. */
const PLACE = ENTRIES.columns
  .map(({ name }) => name)
  .slice(ENTRIES.columns.findIndex(({ name }) => name === 'log'))
  .filter((name) => !['leaf_hash', 'actor_digest', 'object_digest'].includes(name));
/** The events of two rows change places, with their leaves; `pair` names a table for the while. */
const exchanged = (pair: string, one: string, other: string): readonly Step[] =>
  [
    `CREATE OR REPLACE TABLE ${pair} ENGINE = Memory AS SELECT *, 0 AS n FROM entries WHERE ${one} UNION ALL SELECT *, 1 AS n FROM entries WHERE ${other}`,
    `ALTER TABLE entries DELETE WHERE (${one}) OR (${other})`,
    `INSERT INTO entries SELECT a.* EXCEPT (n) REPLACE (${PLACE.map((name) => `b.\`${name}\` AS \`${name}\``).join(', ')}) FROM ${pair} AS a CROSS JOIN ${pair} AS b WHERE a.n != b.n`,
  ].map((sql) => ({ do: 'sql', sql }));

const entry = (code: FsckCode, number: number, position: number, where?: Found['in']): Found => ({
  code,
  entry: number,
  position,
  ...(where === undefined ? {} : { in: where }),
});
const entries = (code: FsckCode, position: number, ...numbers: readonly number[]): readonly Found[] =>
  numbers.map((number) => entry(code, number, position));
const at = (code: FsckCode, ...positions: readonly number[]): readonly Found[] => positions.map((position) => ({ code, position }));
const READ = `'invoice.read'`;
/** An entry, with its position. */
const [FIRST, MIDDLE, LAST] = [[0, 0] as const, [7, 2] as const, [11, 4] as const];

const DELETED: readonly RowCase[] = [
  ...[FIRST, MIDDLE, LAST].map(
    ([number, position]): RowCase => ({
      title: `entry ${number} is deleted`,
      steps: steps(gone('entries', `entry = ${number}`)),
      finds: [entry('entry_missing', number, position)],
    }),
  ),
  {
    title: 'an entry is deleted by a mark on its row',
    steps: (tenant) => [{ do: 'sql', sql: `DELETE FROM entries WHERE tenant = '${tenant}' AND entry = 7` }],
    finds: [entry('entry_missing', 7, 2)],
  },
  {
    title: 'entries in a row are deleted, over the end of a batch',
    steps: steps(gone('entries', 'entry IN (4, 5, 6)')),
    finds: [entry('entry_missing', 4, 1), entry('entry_missing', 6, 2)],
  },
  {
    title: 'all entries of a batch are deleted',
    steps: steps(gone('entries', 'position = 2')),
    finds: [entry('entry_missing', 6, 2)],
  },
  {
    title: 'all entries of a log are deleted',
    steps: steps(gone('entries', '1')),
    finds: [entry('entry_missing', 0, 0), entry('entry_missing', 3, 1), entry('entry_missing', 6, 2), entry('entry_missing', 9, 4)],
  },
  ...[0, 2, 3, 4].map(
    (position): RowCase => ({
      title: `the manifest at position ${position} is deleted`,
      steps: steps(gone('manifests', `position = ${position}`)),
      finds: at('manifest_missing', position),
    }),
  ),
  ...[0, 1, 2, 4].map(
    (position): RowCase => ({
      title: `the batch at position ${position} is deleted`,
      steps: steps(gone('entries', `position = ${position}`), gone('manifests', `position = ${position}`)),
      finds: [entry('batch_missing', position === 4 ? 9 : 3 * position, position)],
    }),
  ),
  {
    title: 'two batches in a row are deleted',
    steps: steps(gone('entries', 'position IN (1, 2)'), gone('manifests', 'position IN (1, 2)')),
    finds: [entry('batch_missing', 3, 1)],
  },
  {
    title: 'the end of a log is cut off, its heads are left',
    steps: steps(gone('entries', 'position >= 2'), gone('manifests', 'position >= 2')),
    finds: [entry('batch_missing', 6, 2)],
  },
  {
    title: 'all manifests and entries of a log are deleted',
    steps: steps(gone('entries', '1'), gone('manifests', '1')),
    finds: [entry('log_missing', 0, 0)],
  },
  {
    title: 'an entry is deleted, and those after it are numbered anew',
    steps: steps(gone('entries', 'entry = 7'), set('entries', 'entry > 7', { entry: 'entry - 1' })),
    finds: [...entries('entry_altered', 2, 7, 8), ...entries('entry_altered', 4, 9, 10), entry('entry_missing', 11, 4)],
  },
  {
    title: 'a batch is deleted, and what follows is numbered, linked and hashed anew',
    steps: steps(
      gone('entries', 'position = 1'),
      gone('manifests', 'position = 1'),
      set('entries', 'position > 1', { entry: 'entry - 3', position: 'position - 1' }),
      set('manifests', 'position > 1', { first_entry: 'first_entry - 3', position: 'position - 1' }),
      ...linked(1, 2, 3),
    ),
    finds: [...at('manifest_altered', 1, 2, 3), entry('batch_missing', 9, 4)],
  },
];

const FORGED: readonly RowCase[] = [
  { title: 'an entry is there twice', steps: steps(copied('entries', 'entry = 7', {})), finds: [entry('entry_added', 7, 2)] },
  {
    title: 'a forged entry stands beside the signed one, with its leaf',
    steps: steps(copied('entries', 'entry = 7', { action: READ }), forgedLeaf(`entry = 7 AND action = ${READ}`)),
    finds: [entry('entry_added', 7, 2)],
  },
  {
    title: 'a forged entry stands after the last of a log, with its leaf',
    steps: steps(copied('entries', 'entry = 11', { action: READ, entry: '12', batch_index: '3' }), forgedLeaf('entry = 12')),
    finds: [entry('entry_added', 12, 4)],
  },
  {
    title: 'a forged entry stands between two, with its leaf, and those after it are numbered anew',
    steps: steps(
      set('entries', 'entry > 7', { entry: 'entry + 1' }),
      copied('entries', 'entry = 7', { action: READ, entry: '8' }),
      forgedLeaf('entry = 8'),
    ),
    finds: [entry('entry_altered', 8, 2), ...entries('entry_altered', 4, 9, 10, 11), entry('entry_added', 12, 4)],
  },
  {
    title: 'forged entries of a tenant that never was',
    steps: steps(copied('entries', 'position = 2', { tenant: `concat(tenant, '.never-was')` })),
    finds: [entry('entry_added', 6, 2, 'never-was')],
  },
  { title: 'a manifest is there twice', steps: steps(copied('manifests', 'position = 2', {})), finds: at('manifest_added', 2) },
  {
    title: 'a forged batch stands after the last, with its leaves, its root and its hash',
    steps: steps(
      copied('entries', 'position = 4', { action: READ, entry: 'entry + 3', position: '5' }),
      copied('manifests', 'position = 4', { position: '5', first_entry: 'first_entry + 3' }),
      forgedLeaf('position = 5'),
      forgedRoot(5),
      ...linked(5),
    ),
    finds: [...at('manifest_added', 5), entry('entry_added', 12, 5)],
  },
  ...[FIRST, MIDDLE, LAST].map(
    ([number, position]): RowCase => ({
      title: `entry ${number} is replaced together with its leaf`,
      steps: steps(set('entries', `entry = ${number}`, { action: READ }), forgedLeaf(`entry = ${number}`)),
      finds: [entry('entry_altered', number, position)],
    }),
  ),
  {
    title: 'all entries of a batch are replaced together with their leaves',
    steps: steps(set('entries', 'position = 2', { actor_id: `'somebody-else'` }), forgedLeaf('position = 2')),
    finds: entries('entry_altered', 2, 6, 7, 8),
  },
  {
    title: 'an entry is replaced together with its leaf, the root and the hash of the manifest',
    steps: steps(set('entries', 'entry = 7', { action: READ }), forgedLeaf('entry = 7'), forgedRoot(2), forgedHash('position = 2')),
    finds: at('manifest_altered', 2),
  },
  {
    title: 'the same, and the manifests after it are linked and hashed anew',
    steps: steps(
      set('entries', 'entry = 7', { action: READ }),
      forgedLeaf('entry = 7'),
      forgedRoot(2),
      forgedHash('position = 2'),
      ...linked(3, 4),
    ),
    finds: at('manifest_altered', 2, 3, 4),
  },
  ...[0, 1, 2, 3, 4].map(
    (position): RowCase => ({
      title: `the manifest at position ${position} is altered together with its hash`,
      steps: steps(set('manifests', `position = ${position}`, { shed: 'shed + 1' }), forgedHash(`position = ${position}`)),
      finds: at('manifest_altered', position),
    }),
  ),
  {
    title: 'an entry is replaced by a copy of its neighbour',
    steps: steps(gone('entries', 'entry = 7'), copied('entries', 'entry = 6', { entry: '7', batch_index: 'batch_index + 1' })),
    finds: [entry('entry_altered', 7, 2)],
  },
];

const EXCHANGED: readonly RowCase[] = [
  {
    title: 'two entries of a batch exchange their numbers',
    steps: steps(set('entries', 'entry IN (6, 7)', { entry: '13 - entry' })),
    finds: entries('entry_altered', 2, 6, 7),
  },
  {
    title: 'two entries of a batch exchange their numbers and indexes',
    steps: steps(set('entries', 'entry IN (6, 8)', { entry: '14 - entry', batch_index: '2 - batch_index' })),
    finds: entries('entry_altered', 2, 6, 8),
  },
  {
    title: 'two entries of a batch exchange their events, with their leaves',
    steps: (tenant) => exchanged('within', isOf('entry = 6', tenant), isOf('entry = 7', tenant)),
    finds: entries('entry_altered', 2, 6, 7),
  },
  {
    title: 'two entries of two batches exchange their numbers',
    steps: steps(set('entries', 'entry IN (1, 7)', { entry: '8 - entry' })),
    finds: [entry('entry_altered', 1, 0), entry('entry_altered', 7, 2)],
  },
  {
    title: 'two entries of two batches exchange their events, with their leaves',
    steps: (tenant) => exchanged('between', isOf('entry = 1', tenant), isOf('entry = 9', tenant)),
    finds: [entry('entry_altered', 1, 0), entry('entry_altered', 9, 4)],
  },
  {
    title: 'two entries of two tenants exchange their events, with their leaves',
    steps: (tenant, second) => exchanged('tenants', isOf('entry = 1', tenant), isOf('entry = 7', second)),
    finds: [entry('entry_altered', 1, 0), entry('entry_altered', 7, 2, 'second')],
  },
  {
    title: 'two entries of two tenants exchange their tenants, which leaves each in a log that is not its tenant’s',
    steps: (tenant, second) => [
      { do: 'set', table: 'entries', where: isOf('entry = 7', tenant), to: { tenant: `'${second}'` } },
      {
        do: 'set',
        table: 'entries',
        where: `tenant = '${second}' AND entry = 7 AND actor_id LIKE 'user-${second}-%'`,
        to: { tenant: `'${tenant}'` },
      },
    ],
    finds: [entry('entry_altered', 7, 2), entry('entry_altered', 7, 2, 'second')],
  },
  {
    title: 'two manifests exchange their positions',
    steps: steps(set('manifests', 'position IN (1, 2)', { position: '3 - position' })),
    finds: at('manifest_altered', 1, 2),
  },
  {
    title: 'two batches exchange their places, with their hashes',
    steps: steps(
      set('manifests', 'position IN (1, 2)', { position: '3 - position', first_entry: '9 - first_entry' }),
      set('entries', 'position IN (1, 2)', { entry: 'if(entry < 6, entry + 3, entry - 3)', position: '3 - position' }),
      forgedHash('position IN (1, 2)'),
    ),
    finds: at('manifest_altered', 1, 2),
  },
];

const ERASED: readonly RowCase[] = [
  {
    // A section may be erased; that somebody asked for it is not recorded yet (docs/spec/fsck.md).
    title: 'NOT FOUND: a section is erased, with its digest in its place',
    steps: steps(set('entries', 'entry = 7', { actor_digest: actorDigestExpression(currentEventSchema()) }), (tenant) => ({
      do: 'sql',
      sql: `ALTER TABLE entries UPDATE ${erasedAssignments('actor').join(', ')} WHERE ${isOf('entry = 7', tenant)}`,
    })),
    finds: [],
  },
];

export const ROW_CASES: readonly RowCase[] = [...DELETED, ...FORGED, ...EXCHANGED, ...ERASED];

/** Cases in which heads are altered too: what binds a log's end is then in doubt, for all logs of the round. */
export const HEAD_CASES: readonly RowCase[] = [
  { title: 'a head is deleted', steps: steps(gone('heads', 'size = 4')), finds: at('head_missing', 3) },
  { title: 'a head is there twice', steps: steps(copied('heads', 'size = 4', {})), finds: at('head_added', 3) },
  { title: 'all heads of a log are deleted', steps: steps(gone('heads', '1')), finds: at('head_missing', 1, 3, 4) },
  {
    title: 'the end of a log is cut off, its heads too',
    steps: steps(gone('entries', 'position >= 4'), gone('manifests', 'position >= 4'), gone('heads', 'size >= 5')),
    finds: [entry('batch_missing', 9, 4)],
  },
  {
    title: 'all rows of a tenant are deleted',
    steps: steps(gone('entries', '1'), gone('manifests', '1'), gone('heads', '1')),
    finds: [entry('log_missing', 0, 0)],
  },
  {
    title: 'an entry is replaced, and all that follows from it up to the heads, but for the rounds',
    steps: steps(
      set('entries', 'entry = 11', { action: READ }),
      forgedLeaf('entry = 11'),
      forgedRoot(4),
      forgedHash('position = 4'),
      // A log of five leaves: the frontier is that of four and the last leaf.
      (tenant) => ({
        do: 'sql',
        sql: `CREATE OR REPLACE TABLE tip ENGINE = Memory AS SELECT manifest_hash FROM manifests WHERE ${isOf('position = 4', tenant)}`,
      }),
      ...[
        'last = (SELECT any(manifest_hash) FROM tip)',
        'frontier = [frontier[1], last]',
        "root = sealtrail_root([concat(frontier[1], ''), concat(last, '')])",
      ].map(
        (change): Of =>
          (tenant) => ({ do: 'sql', sql: `ALTER TABLE heads UPDATE ${change} WHERE ${isOf('size = 5', tenant)}` }),
      ),
    ),
    finds: [...at('manifest_altered', 4), ...at('head_altered', 4)],
  },
];
