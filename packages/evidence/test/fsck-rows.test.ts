import { describe, expect, it } from 'vitest';
import type { SealedWorld } from '../../verify/test/sealed-world.ts';
import type { FsckInput } from '../src/index.ts';
import { check, placeOf } from './fsck-world.ts';
import { contentColumns, entriesOf, entryOf, forgeHash, forgeLeaf, headOf, manifestOf, remove, roundOf, swap } from './tables.ts';
import { tamperedWorld } from './tampered-world.ts';

type Tamper = (world: SealedWorld) => void;

async function findingsAfter(tamper: Tamper, more?: (world: SealedWorld) => Partial<FsckInput>): Promise<unknown[]> {
  const world = await tamperedWorld();
  tamper(world);
  return (await check(world, more?.(world))).findings.map(placeOf);
}

const tenantRows = (world: SealedWorld, tenant: string, but: 'heads' | 'entries' | 'nothing'): void => {
  const { entries, manifests, heads } = world.store.tables;
  remove(manifests, ...manifests.filter(({ manifest }) => manifest.header.tenant === tenant));
  if (but !== 'entries') remove(entries, ...entries.filter((row) => row.tenant === tenant));
  if (but !== 'heads') remove(heads, ...heads.filter((row) => row.tenant === tenant));
};
const removeBatch = (world: SealedWorld, tenant: string, position: number): void => {
  const { entries, manifests } = world.store.tables;
  remove(entries, ...entriesOf(world, tenant).filter((row) => row.position === position));
  remove(manifests, manifestOf(world, tenant, position));
};

describe('rows that were removed', () => {
  it.each(Array.from({ length: 12 }, (_, entry) => entry))('entry %i of acme', async (entry) => {
    const found = await findingsAfter((world) => remove(world.store.tables.entries, entryOf(world, 'acme', entry)));
    expect(found).toMatchObject([{ code: 'entry_missing', tenant: 'acme', entry }]);
  });

  it('entries in a row are one finding a batch, others one each', async () => {
    const found = await findingsAfter((world) =>
      remove(world.store.tables.entries, ...[4, 5, 6, 8].map((entry) => entryOf(world, 'acme', entry))),
    );
    expect(found).toEqual([
      { code: 'entry_missing', tenant: 'acme', entry: 4, position: 1, offset: 2 },
      { code: 'entry_missing', tenant: 'acme', entry: 5, position: 2, offset: 3 },
      { code: 'entry_missing', tenant: 'acme', entry: 8, position: 2, offset: 3 },
    ]);
  });

  it.each<[string, number, object]>([
    ['acme', 0, { position: 0, entry: 0 }],
    ['acme', 2, { position: 2, entry: 5 }],
    ['acme', 5, { position: 5, entry: 10 }],
    ['globex', 1, { position: 1, entry: 2 }],
  ])('batch of %s at position %i', async (tenant, position, place) => {
    expect(await findingsAfter((world) => removeBatch(world, tenant, position))).toEqual([{ code: 'batch_missing', tenant, ...place }]);
  });

  it('manifests alone, one and two in a row', async () => {
    for (const position of [0, 1, 2, 3, 4, 5]) {
      const found = await findingsAfter((world) => remove(world.store.tables.manifests, manifestOf(world, 'acme', position)));
      expect(found).toEqual([{ code: 'manifest_missing', tenant: 'acme', position }]);
    }
    const two = await findingsAfter((world) =>
      remove(world.store.tables.manifests, manifestOf(world, 'acme', 1), manifestOf(world, 'acme', 2)),
    );
    expect(two).toEqual([{ code: 'manifest_missing', tenant: 'acme', position: 1 }]);
  });

  it('heads, named by the manifests', async () => {
    for (const [tenant, size, round, offset] of [
      ['acme', 2, 0, 2],
      ['globex', 1, 0, 2],
      ['acme', 6, 4, 12],
      ['initech', 1, 3, 11],
    ] as const) {
      const found = await findingsAfter((world) => remove(world.store.tables.heads, headOf(world, tenant, size)));
      expect(found).toEqual([{ code: 'head_missing', tenant, position: size - 1, round, offset }]);
    }
  });

  it('a whole tenant, found by the heads that the rounds bind', async () => {
    expect(await findingsAfter((world) => tenantRows(world, 'globex', 'nothing'))).toEqual([{ code: 'log_missing', round: 0, offset: 0 }]);
    expect(await findingsAfter((world) => tenantRows(world, 'initech', 'nothing'))).toEqual([{ code: 'log_missing', round: 3, offset: 9 }]);
    // Round 4 holds nothing else: all of its rows are gone.
    expect(await findingsAfter((world) => tenantRows(world, 'acme', 'nothing'))).toEqual([
      { code: 'rows_missing', round: 4, offset: 12 },
      { code: 'log_missing', round: 0, offset: 0 },
    ]);
    expect(await findingsAfter((world) => tenantRows(world, 'globex', 'heads'))).toEqual([
      { code: 'log_missing', tenant: 'globex', position: 0, entry: 0 },
    ]);
    expect(await findingsAfter((world) => tenantRows(world, 'globex', 'entries'))).toEqual([
      { code: 'entry_added', tenant: 'globex', entry: 0, position: 0, offset: 1 },
      { code: 'log_missing', round: 0, offset: 0 },
    ]);
  });

  it('all rows of a round', async () => {
    const found = await findingsAfter(({ store: { tables } }) => {
      const inRound = (offset: number): boolean => offset >= 9 && offset < 12;
      remove(tables.entries, ...tables.entries.filter(({ offset }) => inRound(offset)));
      remove(tables.manifests, ...tables.manifests.filter(({ manifest }) => inRound(manifest.offset)));
      remove(tables.heads, ...tables.heads.filter(({ offset }) => inRound(offset)));
    });
    expect(found).toEqual([{ code: 'rows_missing', round: 3, offset: 9 }]);
  });

  it('rounds', async () => {
    for (const index of [0, 1, 2, 3, 4]) {
      const found = await findingsAfter((world) => remove(world.store.tables.rounds, roundOf(world, index)));
      expect(found).toMatchObject([{ code: 'round_missing', round: index }]);
    }
    expect(await findingsAfter((world) => remove(world.store.tables.rounds, roundOf(world, 1), roundOf(world, 2)))).toMatchObject([
      { code: 'round_missing', round: 1 },
      { code: 'round_missing', round: 2 },
    ]);
    expect(await findingsAfter((world) => remove(world.store.tables.rounds, roundOf(world, 3), roundOf(world, 4)))).toMatchObject([
      { code: 'round_missing' },
    ]);
  });

  it('commit rows', async () => {
    expect(await findingsAfter((world) => world.store.tables.commits.splice(0, 1))).toEqual([{ code: 'commit_gap', offset: 0 }]);
    expect(await findingsAfter((world) => world.store.tables.commits.splice(1, 1))).toEqual([{ code: 'commit_missing', offset: 6 }]);
    expect(await findingsAfter((world) => world.store.tables.commits.splice(0, 2))).toEqual([{ code: 'commit_missing', offset: 0 }]);
  });

  it('rejections, duplicates and key records', async () => {
    expect(await findingsAfter((world) => world.store.tables.rejected.splice(0, 1))).toEqual([
      { code: 'rejected_missing', round: 1, offset: 3 },
    ]);
    expect(await findingsAfter((world) => world.store.tables.rejected.splice(0, 2))).toEqual([
      { code: 'rejected_missing', round: 1, offset: 3 },
    ]);
    expect(await findingsAfter((world) => world.store.tables.duplicates.splice(1, 1))).toEqual([
      { code: 'duplicate_missing', round: 2, offset: 6 },
    ]);
    expect(await findingsAfter((world) => world.store.tables.keyRecords.splice(0, 1))).toEqual([{ code: 'registry_missing' }]);
    expect(await findingsAfter((world) => world.store.tables.keyRecords.splice(1, 1))).toEqual([{ code: 'registry_missing' }]);
  });
});

describe('rows that were added', () => {
  it.each<[string, Tamper, object[]]>([
    [
      'an entry beyond the end',
      (w) => w.store.tables.entries.push({ ...entryOf(w, 'acme', 11), entry: 12, batch_index: 2 }),
      [{ code: 'entry_added', tenant: 'acme', entry: 12 }],
    ],
    [
      'an entry twice',
      (w) => w.store.tables.entries.push({ ...entryOf(w, 'acme', 4) }),
      [{ code: 'entry_added', tenant: 'acme', entry: 4 }],
    ],
    [
      'entries of a tenant that never was',
      (w) =>
        w.store.tables.entries.push(
          ...entriesOf(w, 'acme')
            .slice(0, 3)
            .map((row) => ({ ...row, tenant: 'evil' })),
        ),
      [{ code: 'entry_added', tenant: 'evil', entry: 0 }],
    ],
    [
      'a manifest twice',
      (w) => w.store.tables.manifests.push({ ...manifestOf(w, 'acme', 1) }),
      [{ code: 'manifest_added', tenant: 'acme', position: 1 }],
    ],
    ['a head twice', (w) => w.store.tables.heads.push({ ...headOf(w, 'acme', 3) }), [{ code: 'head_added', tenant: 'acme', position: 2 }]],
    [
      'a head of a log that never was',
      (w) =>
        w.store.tables.heads.push({
          ...headOf(w, 'acme', 3),
          tenant: 'evil',
          head: { ...headOf(w, 'acme', 3).head, log: new Uint8Array(16) },
        }),
      [{ code: 'head_added', tenant: 'evil' }],
    ],
    [
      'a rejection twice',
      (w) => w.store.tables.rejected.push({ ...(w.store.tables.rejected[1] as (typeof w.store.tables.rejected)[0]) }),
      [{ code: 'rejected_added', round: 1, offset: 5 }],
    ],
    [
      'a rejection that never was',
      (w) => w.store.tables.rejected.push({ ...(w.store.tables.rejected[1] as (typeof w.store.tables.rejected)[0]), offset: 3 }),
      [{ code: 'rejected_added', round: 1, offset: 3 }],
    ],
    [
      'a duplicate twice',
      (w) => w.store.tables.duplicates.push({ ...(w.store.tables.duplicates[1] as (typeof w.store.tables.duplicates)[0]) }),
      [{ code: 'duplicate_added', round: 2, offset: 8 }],
    ],
    [
      'another key record of the same index',
      (w) => w.store.tables.keyRecords.unshift({ index: 0, bytes: Uint8Array.of(1) }),
      [{ code: 'registry_added' }],
    ],
  ])('%s', async (_what, tamper, expected) => {
    expect(await findingsAfter(tamper)).toMatchObject(expected);
    expect(await findingsAfter(tamper)).toHaveLength(expected.length);
  });

  it('a second row of an entry, with a leaf to match: which one was signed is told by the root', async () => {
    for (const place of ['push', 'unshift'] as const) {
      const found = await findingsAfter((world) => {
        const forged = { ...entryOf(world, 'acme', 4), action: 'invoice.read' };
        forgeLeaf(forged);
        world.store.tables.entries[place](forged);
        entryOf(world, 'acme', 4);
      });
      expect(found).toEqual([{ code: 'entry_added', tenant: 'acme', entry: 4, position: 1, offset: 2 }]);
    }
  });

  it('a whole batch at the end of a log, with hashes to match', async () => {
    const found = await findingsAfter((world) => {
      const { manifests, entries } = world.store.tables;
      const last = manifestOf(world, 'acme', 5);
      const forged = { ...last, manifest: { ...last.manifest, position: 6, previous: last.manifest_hash, first_entry: 12 } };
      forgeHash(forged);
      manifests.push(forged);
      entries.push(
        ...entriesOf(world, 'acme')
          .filter((row) => row.position === 5)
          .map((row) => ({ ...row, position: 6, entry: row.entry + 2 })),
      );
    });
    expect(found).toEqual([
      { code: 'manifest_added', tenant: 'acme', position: 6, offset: 12 },
      { code: 'entry_added', tenant: 'acme', entry: 12, position: 6, offset: 12 },
    ]);
  });
});

describe('rows that were exchanged', () => {
  const places = (a: object, b: object): object[] => [
    { code: 'entry_altered', ...a },
    { code: 'entry_altered', ...b },
  ];
  const within = places({ tenant: 'acme', entry: 5, position: 2, offset: 3 }, { tenant: 'acme', entry: 7, position: 2, offset: 3 });
  const between = places({ tenant: 'acme', entry: 1, position: 0, offset: 0 }, { tenant: 'acme', entry: 7, position: 2, offset: 3 });
  const tenants = places({ tenant: 'acme', entry: 1, position: 0, offset: 0 }, { tenant: 'globex', entry: 3, position: 1, offset: 9 });
  const exchange =
    (a: [string, number], b: [string, number], columns: (row: ReturnType<typeof entryOf>) => readonly string[]): Tamper =>
    (world) => {
      const [one, other] = [entryOf(world, ...a), entryOf(world, ...b)];
      swap(one, other, columns(one));
    };
  it.each<[string, Tamper, object[]]>([
    ['numbers, within a batch', exchange(['acme', 5], ['acme', 7], () => ['entry']), within],
    ['numbers and indexes, within a batch', exchange(['acme', 5], ['acme', 7], () => ['entry', 'batch_index']), within],
    ['events with their leaves, within a batch', exchange(['acme', 5], ['acme', 7], contentColumns), within],
    ['numbers, between batches', exchange(['acme', 1], ['acme', 7], () => ['entry']), between],
    ['events with their leaves, between batches', exchange(['acme', 1], ['acme', 7], contentColumns), between],
    ['events with their leaves, between tenants', exchange(['acme', 1], ['globex', 3], contentColumns), tenants],
  ])('%s', async (_what, tamper, expected) => {
    expect(await findingsAfter(tamper)).toEqual(expected);
  });

  it('manifests', async () => {
    const found = await findingsAfter((world) =>
      swap(manifestOf(world, 'acme', 1).manifest, manifestOf(world, 'acme', 2).manifest, ['position']),
    );
    expect(found).toMatchObject([
      { code: 'manifest_altered', position: 1 },
      { code: 'manifest_altered', position: 2 },
    ]);
  });
});
