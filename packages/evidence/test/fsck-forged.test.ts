import { describe, expect, it } from 'vitest';
import { createWorld, type SealedWorld } from '../../verify/test/sealed-world.ts';
import type { FsckInput } from '../src/index.ts';
import { eraseSections } from './erase.ts';
import { check, placeOf, recordsOf } from './fsck-world.ts';
import { entriesOf, entryOf, forgeHash, forgeLeaf, headOf, manifestOf, remove, swap } from './tables.ts';
import { tamperedWorld } from './tampered-world.ts';

type Tamper = (world: SealedWorld) => void;

async function findingsAfter(tamper: Tamper, more?: (world: SealedWorld) => Partial<FsckInput>): Promise<unknown[]> {
  const world = await tamperedWorld();
  tamper(world);
  return (await check(world, more?.(world))).findings.map(placeOf);
}

const removeBatch = (world: SealedWorld, tenant: string, position: number): void => {
  const { entries, manifests } = world.store.tables;
  remove(entries, ...entriesOf(world, tenant).filter((row) => row.position === position));
  remove(manifests, manifestOf(world, tenant, position));
};

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
