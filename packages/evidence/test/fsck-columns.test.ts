import { describe, expect, it } from 'vitest';
import type { SealedWorld } from '../../verify/test/sealed-world.ts';
import type { FsckInput } from '../src/index.ts';
import { altered } from './alter.ts';
import { check, placeOf } from './fsck-world.ts';
import { entryOf, headOf, manifestOf, roundOf } from './tables.ts';
import { tamperedWorld } from './tampered-world.ts';

type Columns = Record<string, unknown>;

/** Alters one column of one row of a fresh ledger and gives what is found. */
async function findingsAfter(
  rowOf: (world: SealedWorld) => object,
  column: string,
  value?: unknown,
  more?: Partial<FsckInput>,
): Promise<unknown[]> {
  const world = await tamperedWorld();
  const row = rowOf(world) as Columns;
  row[column] = value ?? altered(row[column]);
  return (await check(world, more)).findings.map(placeOf);
}

const clean = await tamperedWorld();

it('finds nothing before anything is altered', async () => {
  expect((await check(clean)).findings).toEqual([]);
});

describe('a column of an entry', () => {
  const row = (world: SealedWorld): object => entryOf(world, 'acme', 6);
  const place = { tenant: 'acme', entry: 6, position: 2, offset: 3 };
  /** Columns by which readers find the row: with another value it is nowhere to be seen. */
  const hiding = new Set(['topic', 'incarnation', 'partition', 'claim']);
  const columns = Object.keys(row(clean));

  it('is tested for every column that the row has', () => {
    expect(columns.length).toBe(17 + 4 + 13 + 18);
  });
  it.each(columns)('%s', async (column) => {
    expect(await findingsAfter(row, column)).toEqual([{ code: hiding.has(column) ? 'entry_missing' : 'entry_altered', ...place }]);
  });
  it.each<[string, string, unknown]>([
    ['text that is no Unicode', 'action', 'a\ud800'],
    ['a time beyond the calendar', 'occurred_at', 8e15],
    ['an unknown symbol', 'outcome', 'MAYBE'],
    ['no value', 'actor_salt', new Uint8Array(3)],
    ['a number where it is found, far away', 'entry', 2 ** 40],
    ['a negative number', 'entry', -1],
    ['an offset that no claim shows', 'offset', 99],
  ])('%s', async (_what, column, value) => {
    expect(await findingsAfter(row, column, value)).toEqual([{ code: column === 'offset' ? 'entry_missing' : 'entry_altered', ...place }]);
  });
});

describe('a column of a manifest', () => {
  const place = { tenant: 'acme', position: 2 };
  const row = (world: SealedWorld): object => manifestOf(world, 'acme', 2);
  const inner = (world: SealedWorld): object => manifestOf(world, 'acme', 2).manifest;
  const header = (world: SealedWorld): object => manifestOf(world, 'acme', 2).manifest.header;
  const hiding = new Set(['topic', 'incarnation', 'partition', 'claim']);
  const predecessors = {
    predecessor: { log: new Uint8Array(16), size: 1, root: new Uint8Array(32), instance: new Uint8Array(16), routine: 1, critical: 1 },
  };
  it.each([
    ...Object.keys(row(clean))
      .filter((column) => column !== 'manifest')
      .map((column) => ['', column, row] as const),
    ...Object.keys(inner(clean))
      .filter((column) => column !== 'header')
      .map((column) => ['manifest.', column, inner] as const),
    ...Object.keys(header(clean)).map((column) => ['header.', column, header] as const),
  ])('%s%s', async (_table, column, rowOf) => {
    const found = await findingsAfter(rowOf, column, (predecessors as Columns)[column]);
    if (hiding.has(column)) expect(found).toEqual([{ code: 'manifest_missing', ...place }]);
    // The finding names the offset as the row has it.
    else expect(found).toEqual([{ code: 'manifest_altered', ...place, offset: column === 'offset' ? 4 : 3 }]);
  });
});

describe('a column of a head', () => {
  const place = { tenant: 'acme', position: 2, round: 1, offset: 5 };
  const row = (world: SealedWorld): object => headOf(world, 'acme', 3);
  const inner = (world: SealedWorld): object => headOf(world, 'acme', 3).head;
  it.each<[string, (world: SealedWorld) => object, unknown, object]>([
    ['topic', row, undefined, { code: 'head_missing', ...place }],
    ['incarnation', row, undefined, { code: 'head_missing', ...place }],
    ['partition', row, undefined, { code: 'head_missing', ...place }],
    ['claim', row, undefined, { code: 'head_missing', ...place }],
    // Beyond the claim's interval; inside of it, at another round's end; at no round's end.
    ['offset', row, 8, { code: 'head_missing', ...place }],
    ['offset', row, 2, { code: 'head_altered', ...place }],
    ['offset', row, 4, { code: 'head_altered', ...place }],
    ['tenant', row, undefined, { code: 'head_altered', tenant: 'acme', position: 2, offset: 5 }],
    ['log', inner, undefined, { code: 'head_altered', ...place }],
    ['size', inner, undefined, { code: 'head_altered', ...place }],
    ['entries', inner, undefined, { code: 'head_altered', ...place }],
    ['last', inner, undefined, { code: 'head_altered', ...place }],
    ['root', inner, undefined, { code: 'head_altered', ...place }],
    ['frontier', row, { size: 3, nodes: [] }, { code: 'head_altered', tenant: 'acme', position: 2, round: 1 }],
    ['frontier', row, { size: 2, nodes: [new Uint8Array(32)] }, { code: 'head_altered', tenant: 'acme', position: 2, round: 1 }],
  ])('%s', async (column, rowOf, value, expected) => {
    expect(await findingsAfter(rowOf, column, value)).toEqual([expected]);
  });
  it('tenant, in the first head of a log', async () => {
    expect(await findingsAfter((world) => headOf(world, 'acme', 2), 'tenant')).toEqual([
      { code: 'head_altered', tenant: 'acme', position: 1, offset: 2 },
    ]);
  });
  it('tenant, in the only head of a log', async () => {
    expect(await findingsAfter((world) => headOf(world, 'initech', 1), 'tenant')).toEqual([
      { code: 'head_altered', tenant: 'initech', position: 0 },
    ]);
  });
});

describe('a column of a round', () => {
  const columns = Object.keys(clean.store.tables.rounds[0]?.round ?? {});
  const starts = [0, 3, 6, 9, 12];
  const cases = [0, 1, 2, 3, 4].flatMap((index) => columns.map((column) => [index, column] as const));
  it.each(cases)('round %i, %s', async (index, column) => {
    const found = await findingsAfter((world) => roundOf(world, index).round, column);
    expect(found).toEqual([{ code: 'round_altered', round: index, ...(index === 0 ? {} : { offset: starts[index] }) }]);
  });
  it.each([0, 1, 2, 3, 4])('round %i, hash and operator frontier', async (index) => {
    const place = { code: 'round_altered', round: index };
    expect(await findingsAfter((world) => roundOf(world, index), 'hash')).toEqual([
      { ...place, ...(index === 0 ? {} : { offset: starts[index] }) },
    ]);
    expect(await findingsAfter((world) => roundOf(world, index), 'operator', { size: 9, nodes: [] })).toEqual([
      { ...place, offset: starts[index] },
    ]);
  });
});

describe('a column of a commit row', () => {
  const row =
    (claim: number) =>
    (world: SealedWorld): object =>
      world.store.tables.commits[claim] as object;
  const starts = [0, 6];
  it.each([0, 1])('of claim %i', async (claim) => {
    const at = { offset: starts[claim] };
    for (const column of ['topic', 'incarnation', 'partition', 'ordinal', 'to', 'round_hash']) {
      expect(await findingsAfter(row(claim), column), column).toEqual([{ code: 'commit_altered', ...at }]);
    }
    expect(await findingsAfter(row(claim), 'from')).toEqual([{ code: 'commit_gap', ...at }]);
    expect(await findingsAfter(row(claim), 'claim')).toEqual([{ code: 'rows_missing', ...at, round: claim * 2 }]);
  });
  it('to, set back', async () => {
    expect(await findingsAfter(row(0), 'to', 3)).toEqual([{ code: 'commit_altered', offset: 0 }]);
    // Of the last claim, this is what a store looks like that never got further: only what is kept elsewhere tells.
    expect(await findingsAfter(row(1), 'to', 12)).toEqual([{ code: 'commit_altered', offset: 6 }]);
  });
});

describe('a column of a rejected record', () => {
  const row = (world: SealedWorld): object => world.store.tables.rejected[0] as object;
  it.each(['offset', 'reason', 'length', 'digest'])('%s', async (column) => {
    expect(await findingsAfter(row, column)).toMatchObject([{ code: 'rejected_altered', round: 1 }]);
  });
  it.each(['topic', 'incarnation', 'partition', 'claim'])('%s', async (column) => {
    expect(await findingsAfter(row, column)).toEqual([{ code: 'rejected_missing', round: 1, offset: 3 }]);
  });
  it('recorded_at, outside of its round', async () => {
    expect(await findingsAfter(row, 'recorded_at', 1)).toEqual([{ code: 'rejected_altered', round: 1, offset: 4 }]);
  });
});

describe('a column of a duplicate', () => {
  const row = (world: SealedWorld): object => world.store.tables.duplicates[0] as object;
  const inner = (world: SealedWorld): object => world.store.tables.duplicates[0]?.duplicate as object;
  it.each(['offset', 'header_hash', 'digest'])('%s', async (column) => {
    expect(await findingsAfter(inner, column)).toMatchObject([{ code: 'duplicate_altered', round: 2 }]);
  });
  it.each(['topic', 'incarnation', 'partition', 'claim'])('%s', async (column) => {
    expect(await findingsAfter(row, column)).toEqual([{ code: 'duplicate_missing', round: 2, offset: 6 }]);
  });
  it('recorded_at, outside of its round', async () => {
    expect(await findingsAfter(row, 'recorded_at', 1)).toEqual([{ code: 'duplicate_altered', round: 2, offset: 7 }]);
  });
});

it('recorded_at of a duplicate, behind a round that is altered', async () => {
  const world = await tamperedWorld();
  roundOf(world, 1).round.version = 2;
  Object.assign(world.store.tables.duplicates[0] as object, { recorded_at: 1 });
  expect((await check(world)).findings.map(placeOf)).toEqual([
    { code: 'round_altered', round: 1, offset: 3 },
    { code: 'duplicate_altered', round: 2, offset: 7 },
  ]);
});

describe('a column of a checkpoint or a key record', () => {
  it.each(['size', 'root', 'note'])('checkpoint %s', async (column) => {
    const found = await findingsAfter((world) => world.store.tables.checkpoints[1] as object, column);
    expect(found).toEqual([{ code: 'checkpoint_altered', round: column === 'size' ? 3 : 2 }]);
  });
  it.each([0, 1])('key record %i', async (index) => {
    const row = (world: SealedWorld): object => world.store.tables.keyRecords[index] as object;
    expect(await findingsAfter(row, 'bytes')).toEqual([{ code: 'registry_altered' }]);
    expect(await findingsAfter(row, 'index')).toEqual([{ code: 'registry_missing' }]);
  });
});
