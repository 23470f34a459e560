import type { EntryColumns, ManifestColumns, MemoryLedgerStore } from '@sealtrail/ledger-store/memory';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomOf, type SealedWorld } from '../../verify/test/sealed-world.ts';
import { type FsckFinding, fsck } from '../src/index.ts';
import { check, committedOf, inputFor, randomWorld } from './fsck-world.ts';
import { alterOne, removeOne, seenRows, type Tampering } from './random-tamper.ts';

/** Codes that a fault in a table may show as. */
const CODES: Readonly<Record<string, RegExp>> = {
  entries: /^entry_(altered|missing)$/,
  manifests: /^(manifest_(altered|missing)|log_missing)$/,
  heads: /^head_(altered|missing)$/,
  rejected: /^(rejected_(altered|missing|added)|rows_missing)$/,
  duplicates: /^(duplicate_(altered|missing|added)|rows_missing)$/,
  rounds: /^round_(altered|missing)$/,
  commits: /^(commit_(altered|gap|missing|mismatch)|rows_missing|tail_missing|(rejected|duplicate)_missing)$/,
};

/** One fault in a random row of a random table; null where the ledger is empty or the column is bound by nothing. */
function oneFault(
  world: SealedWorld,
  seed: number,
): { readonly table: string; readonly row: object; readonly tampering: Tampering } | null {
  const { below } = randomOf(seed);
  const rows = seenRows(world);
  const tables = [...new Set(rows.map(({ name }) => name))];
  const table = tables[below(tables.length)];
  const some = rows.filter(({ name }) => name === table);
  const row = some[below(some.length)];
  if (row === undefined || table === undefined) return null;
  const tampering = below(4) === 0 ? removeOne(row) : alterOne(row, below);
  return tampering === null ? null : { table, row: row.row, tampering };
}

/** Where the row belongs, before it is altered. */
function placeOf(table: string, row: object): Partial<FsckFinding> {
  if (table === 'entries') {
    const { tenant, entry, position } = row as EntryColumns;
    return { tenant, entry, position };
  }
  if (table === 'manifests') {
    const { manifest } = row as ManifestColumns;
    return { tenant: manifest.header.tenant, position: manifest.position };
  }
  return {};
}

describe('fsck of a store with', () => {
  it('one fault, in any column of any row, finds one fault at its place', async () => {
    let faults = 0;
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.integer(), async (seed, choice) => {
        const world = await randomWorld(seed);
        const fault = oneFault(world, choice);
        if (fault === null) return;
        faults++;
        const place = placeOf(fault.table, fault.row);
        fault.tampering.apply();
        const { findings, ok } = await check(world, { committed: committedOf(world) });
        const said = `${fault.tampering.what}: ${JSON.stringify(findings)}`;
        expect(ok, said).toBe(false);
        // An offset altered into the round beside it is one too few here and one too many there.
        const most = /^(rejected|duplicates.duplicate).offset$/.test(fault.tampering.what) ? 2 : 1;
        expect(findings.length, said).toBeLessThanOrEqual(most);
        for (const { code } of findings) expect(code, said).toMatch(CODES[fault.table] as RegExp);
        expect(findings[0], said).toMatchObject(place);
      }),
      {
        numRuns: 700,
        // A last round that says to begin where an abandoned one of its own index ends.
        examples: [[0, 376_526_981]],
      },
    );
    expect(faults).toBeGreaterThan(400);
  }, 300_000);

  it('many faults never ends early, and never says that all is well', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.array(fc.integer(), { minLength: 2, maxLength: 8 }), async (seed, choices) => {
        const world = await randomWorld(seed);
        let applied = 0;
        for (const choice of choices) {
          const fault = oneFault(world, choice);
          fault?.tampering.apply();
          if (fault !== null) applied++;
        }
        const report = await check(world, { committed: committedOf(world) });
        // Two faults may undo each other: a column altered twice.
        if (applied === 0 || !report.ok) return;
        const untouched = await randomWorld(seed);
        // Of a claim's commit rows it leaves the last, as it did before the faults were applied.
        seenRows(untouched);
        expect(untouched.store.tables).toEqual(world.store.tables);
      }),
      { numRuns: 300 },
    );
  }, 300_000);
});

describe('fsck of a ledger that goes on while it is read', () => {
  it('reports what was committed when it began, and nothing of what came since', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const random = randomOf(seed);
        const world = await randomWorld(seed);
        const committed = committedOf(world);
        const note = world.checkpoint();
        const goOn = async (): Promise<void> => {
          if (random.below(3) === 0)
            await world.seal([{ tenant: `tenant-${random.below(5)}`, events: 1 + random.below(4) }, { garbage: Uint8Array.of(1) }]);
          if (random.below(3) === 0) await world.storeCheckpoint();
          if (random.below(8) === 0) await world.register({ producer: 'late' });
        };
        // Every read of the store gives the ledger a moment to go on.
        const live = new Proxy(world.store, {
          get(store, name: keyof MemoryLedgerStore) {
            const member = store[name] as unknown;
            if (typeof member !== 'function') return member;
            return (...args: unknown[]) => {
              const answer = (member as (...given: unknown[]) => unknown)(...args);
              return answer instanceof Promise ? goOn().then(() => answer) : pagesBetween(answer as AsyncIterable<unknown>, goOn);
            };
          },
        });
        const report = await fsck(inputFor(world, { store: live, committed, saved_checkpoints: [{ note, keys: [world.key] }] }));
        expect(report.findings).toEqual([]);
      }),
      { numRuns: 150 },
    );
  }, 300_000);
});

async function* pagesBetween(pages: AsyncIterable<unknown>, each: () => Promise<void>): AsyncGenerator<unknown> {
  await each();
  for await (const page of pages) {
    yield page;
    await each();
  }
}
