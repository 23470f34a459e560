import { describe, expect, it } from 'vitest';
import { createWorld, type SealedWorld } from '../../verify/test/sealed-world.ts';
import type { FsckInput } from '../src/index.ts';
import { eraseSections } from './erase.ts';
import { check, placeOf, recordsOf } from './fsck-world.ts';
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

describe('rows forged with hashes to match', () => {
  const forge =
    (entry: number): Tamper =>
    (world) => {
      const row = entryOf(world, 'acme', entry);
      row.action = 'invoice.read';
      forgeLeaf(row);
    };
  it('an event: its batch is named, and by the record in the log its entry', async () => {
    expect(await findingsAfter(forge(6))).toEqual([{ code: 'batch_root_mismatch', tenant: 'acme', entry: 5, position: 2, offset: 3 }]);
    expect(await findingsAfter(forge(6), (world) => ({ readRecord: recordsOf(world) }))).toEqual([
      { code: 'entry_altered', tenant: 'acme', entry: 6, position: 2, offset: 3 },
    ]);
    expect(await findingsAfter(forge(6), () => ({ readRecord: async () => null }))).toMatchObject([{ code: 'batch_root_mismatch' }]);
    expect(await findingsAfter(forge(6), () => ({ readRecord: async () => Uint8Array.of(1, 2) }))).toMatchObject([
      { code: 'batch_root_mismatch' },
    ]);
  });
  it('the one event of a batch', async () => {
    expect(await findingsAfter(forge(9))).toEqual([{ code: 'entry_altered', tenant: 'acme', entry: 9, position: 3, offset: 6 }]);
  });
  it('a manifest, wherever it stands', async () => {
    for (const position of [0, 1, 2, 3, 4, 5]) {
      for (const alter of [{ registry_size: 9 }, { previous: new Uint8Array(32).fill(1) }]) {
        const found = await findingsAfter((world) => {
          const row = manifestOf(world, 'acme', position);
          Object.assign(row.manifest, alter);
          forgeHash(row);
        });
        expect(found, `position ${position}`).toMatchObject([{ code: 'manifest_altered', tenant: 'acme', position }]);
        expect(found).toHaveLength(1);
      }
    }
  });
});

describe('a chain that was linked anew behind a forged manifest', () => {
  const relink = (world: SealedWorld, from: number, alter: (first: ReturnType<typeof manifestOf>) => void): void => {
    const rows = [0, 1, 2, 3, 4, 5].map((position) => manifestOf(world, 'acme', position)).slice(from);
    rows.forEach((row, i) => {
      const before = rows[i - 1];
      if (before === undefined) alter(row);
      else row.manifest.previous = before.manifest_hash;
      forgeHash(row);
    });
  };
  it.each([0, 1, 3, 5])('names each manifest from position %i on: the heads bind them', async (from) => {
    const found = await findingsAfter((world) =>
      relink(world, from, ({ manifest }) => {
        manifest.header = { ...manifest.header, shed: 9 };
      }),
    );
    const altered = [0, 1, 2, 3, 4, 5].slice(from).map((position) => ({ code: 'manifest_altered', tenant: 'acme', position }));
    expect(found).toMatchObject(altered);
    expect(found).toHaveLength(altered.length);
  });
  it('names batches that stand in each other’s place', async () => {
    const found = await findingsAfter((world) => {
      const [one, other] = [manifestOf(world, 'acme', 0), manifestOf(world, 'acme', 1)];
      swap(one.manifest, other.manifest, ['position', 'first_entry']);
      for (const row of [one, other]) forgeHash(row);
    });
    expect(found).toMatchObject([
      { code: 'manifest_altered', tenant: 'acme', position: 0 },
      { code: 'manifest_altered', tenant: 'acme', position: 1 },
    ]);
    expect(found).toHaveLength(2);
  });
});

describe('a section that was erased', () => {
  it('is no finding while its digest is right', async () => {
    const erase: Tamper = (world) => {
      eraseSections(entryOf(world, 'acme', 4), ['actor', 'object']);
      eraseSections(entryOf(world, 'acme', 5), ['actor']);
    };
    expect(await findingsAfter(erase)).toEqual([]);
  });
  it.each<[string, object]>([
    ['another digest', { actor_digest: new Uint8Array(32) }],
    ['no digest', { actor_digest: null }],
    ['a value beside the digest', { actor_id: 'user-1' }],
    ['a digest of the wrong length', { actor_digest: new Uint8Array(31) }],
  ])('is one with %s', async (_what, columns) => {
    const found = await findingsAfter((world) => {
      const row = entryOf(world, 'acme', 4);
      eraseSections(row, ['actor']);
      Object.assign(row, columns);
    });
    expect(found).toEqual([{ code: 'entry_altered', tenant: 'acme', entry: 4, position: 1, offset: 2 }]);
  });
});

describe('a log of more heads than are kept in memory', () => {
  const long = async (): Promise<SealedWorld> => {
    const world = await createWorld({ seed: 41 });
    for (let i = 0; i < 80; i++)
      await world.seal([{ tenant: 'acme', events: 1 }, ...(i % 9 === 0 ? [{ tenant: 'globex', events: 1 }] : [])]);
    return world;
  };
  it.each<[string, Tamper, object[]]>([
    ['nothing', () => undefined, []],
    [
      'a manifest',
      (w) => Object.assign(manifestOf(w, 'acme', 70).manifest, { recorded_at: 5 }),
      [{ code: 'manifest_altered', tenant: 'acme', position: 70 }],
    ],
    [
      'a missing manifest',
      (w) => remove(w.store.tables.manifests, manifestOf(w, 'acme', 70)),
      [{ code: 'manifest_missing', tenant: 'acme', position: 70 }],
    ],
    ['a missing batch', (w) => removeBatch(w, 'acme', 70), [{ code: 'batch_missing', tenant: 'acme', position: 70 }]],
    [
      'a missing head',
      (w) => remove(w.store.tables.heads, headOf(w, 'acme', 70)),
      [{ code: 'head_missing', tenant: 'acme', position: 69 }],
    ],
    ['a head', (w) => Object.assign(headOf(w, 'acme', 3).head, { entries: 9 }), [{ code: 'head_altered', tenant: 'acme', position: 2 }]],
    [
      'a doubled head',
      (w) => w.store.tables.heads.push({ ...headOf(w, 'acme', 75) }),
      [{ code: 'head_added', tenant: 'acme', position: 74 }],
    ],
  ])('%s', async (_what, tamper, expected) => {
    const world = await long();
    tamper(world);
    const found = (await check(world)).findings.map(placeOf);
    expect(found).toMatchObject(expected);
    expect(found).toHaveLength(expected.length);
  });
});

describe('several faults at once', () => {
  it('are each found at their place', async () => {
    const found = await findingsAfter((world) => {
      remove(world.store.tables.entries, entryOf(world, 'acme', 0));
      entryOf(world, 'acme', 7).outcome = 'DENIED';
      entryOf(world, 'globex', 3).resource_id = 'another';
      manifestOf(world, 'initech', 0).manifest.recorded_at += 1;
      world.store.tables.rejected.splice(0, 1);
    });
    expect(found).toMatchObject([
      { code: 'rejected_missing', round: 1 },
      { code: 'entry_altered', tenant: 'acme', entry: 7 },
      { code: 'entry_altered', tenant: 'globex', entry: 3 },
      { code: 'manifest_altered', tenant: 'initech', position: 0 },
      { code: 'entry_missing', tenant: 'acme', entry: 0 },
    ]);
    expect(found).toHaveLength(5);
  });
  it('are counted beyond what a report holds', async () => {
    const world = await tamperedWorld();
    for (const row of world.store.tables.entries) row.action = 'x';
    const report = await check(world, { findings_max: 5 });
    expect([report.ok, report.findings.length, report.findings_dropped]).toEqual([false, 5, 14]);
  });
});
