import { createMemoryLedgerStore, type EntryColumns, type MemoryLedgerStore } from '@sealtrail/ledger-store/memory';
import type { Checkpoint } from '@sealtrail/merkle';
import { parseProof, type Verdict, verifyProof } from '@sealtrail/verify';
import { actorDigest, objectDigest } from '@sealtrail/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contentOf } from '../../verify/test/proofs.ts';
import { createWorld, randomOf, type SealedWorld, sha256, verify } from '../../verify/test/sealed-world.ts';
import { EvidenceError, type ProveOptions, proveEntry } from '../src/index.ts';
import { eraseSections } from './erase.ts';

const optionsFor = (world: SealedWorld, more: Partial<ProveOptions> & Pick<ProveOptions, 'tenant' | 'entry'>): ProveOptions => ({
  sha256,
  ed25519Verify: verify,
  checkpoint: { kind: 'sign', sign: ({ size, root }: Checkpoint) => world.signCheckpoint(size, root) },
  ...more,
});
const judge = (world: SealedWorld, text: string): Verdict =>
  verifyProof(new TextEncoder().encode(text), { keys: [world.key], sha256, ed25519Verify: verify });
const codeOf = async (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'proven',
    (error) => (error instanceof EvidenceError ? error.code : String(error)),
  );

describe('proveEntry', () => {
  it('proves every entry of random ledgers, and proofs are those made from the sealed rounds', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const random = randomOf(seed);
        const world = await createWorld({ seed, page_rows_max: 1 + random.below(5) });
        const rounds = 1 + random.below(9);
        for (let i = 0; i < rounds; i++) {
          if (random.below(4) === 0) {
            await world.abandon([{ tenant: 'tenant-0', events: 1 + random.below(3) }]);
            world.newClaim();
          }
          await world.seal(
            Array.from({ length: 1 + random.below(4) }, () => ({ tenant: `tenant-${random.below(3)}`, events: 1 + random.below(6) })),
          );
        }
        for (const [round, sealed] of world.rounds.entries()) {
          for (const [batch, { manifest }] of sealed.batches.entries()) {
            for (let index = 0; index < manifest.header.count; index += 2) {
              const text = await proveEntry(
                world.store,
                optionsFor(world, { tenant: manifest.header.tenant, entry: manifest.first_entry + index }),
              );
              expect(judge(world, text).ok).toBe(true);
              const parsed = parseProof(new TextEncoder().encode(text));
              const { entry, index: at, path, checkpoint } = parsed as Extract<typeof parsed, { kind: 'proof' }>;
              expect({ entry, index: at, path, checkpoint }).toEqual(contentOf(world, { round, batch, index }));
            }
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  it('reads as many rounds as the tree is high, not as there are', async () => {
    const world = await createWorld({ seed: 3 });
    for (let i = 0; i < 300; i++) await world.seal([{ tenant: 'acme', events: 1 }]);
    let rounds = 0;
    let rows = 0;
    const counted: MemoryLedgerStore = {
      ...world.store,
      rounds: (key, range) => {
        rounds += range.to - range.from;
        return world.store.rounds(key, range);
      },
      manifests: async function* (query) {
        for await (const page of world.store.manifests(query)) {
          rows += page.length;
          yield page;
        }
      },
      entries: async function* (query) {
        for await (const page of world.store.entries(query)) {
          rows += page.length;
          yield page;
        }
      },
    };
    for (const entry of [0, 1, 127, 128, 254, 255, 256, 299]) {
      rounds = 0;
      rows = 0;
      expect(judge(world, await proveEntry(counted, optionsFor(world, { tenant: 'acme', entry }))).place?.entry).toBe(entry);
      expect(rounds).toBeLessThan(40);
      expect(rows).toBeLessThan(10);
    }
  });

  it('proves a row whose sections were erased, by their digests', async () => {
    const world = await createWorld({ seed: 4 });
    await world.seal([{ tenant: 'acme', events: 3 }]);
    eraseSections(world.store.tables.entries[1] as EntryColumns, ['actor', 'object']);
    const text = await proveEntry(world.store, optionsFor(world, { tenant: 'acme', entry: 1 }));
    const verdict = judge(world, text);
    expect([verdict.ok, verdict.event?.erased]).toEqual([true, ['actor', 'object']]);
    const parsed = parseProof(new TextEncoder().encode(text)) as Extract<ReturnType<typeof parseProof>, { kind: 'proof' }>;
    expect(parsed.entry.actor).toBeNull();
    const whole = contentOf(world, { round: 0, batch: 0, index: 1 }).entry;
    expect(parsed.entry.actor_digest).toEqual(actorDigest(sha256, whole.actor as Uint8Array));
    expect(parsed.entry.object_digest).toEqual(objectDigest(sha256, whole.object as Uint8Array));
  });

  it('proves against a stored checkpoint that covers the round, and waits for one that does', async () => {
    const world = await createWorld({ seed: 5 });
    await world.seal([{ tenant: 'acme', events: 2 }]);
    await world.storeCheckpoint();
    await world.seal([{ tenant: 'acme', events: 2 }]);
    const stored = { checkpoint: { kind: 'stored' } } as const;
    const early = judge(world, await proveEntry(world.store, optionsFor(world, { tenant: 'acme', entry: 1, ...stored })));
    expect([early.ok, early.place?.checkpoint.size]).toEqual([true, 1]);
    expect(await codeOf(proveEntry(world.store, optionsFor(world, { tenant: 'acme', entry: 2, ...stored })))).toBe('checkpoint_behind');
    await world.storeCheckpoint();
    expect(judge(world, await proveEntry(world.store, optionsFor(world, { tenant: 'acme', entry: 2, ...stored }))).ok).toBe(true);
  });

  it('says what it does not find', async () => {
    const store = createMemoryLedgerStore();
    const one = await createWorld({ seed: 6 });
    expect(await codeOf(proveEntry(store, optionsFor(one, { tenant: 'acme', entry: 0 })))).toBe('tenant_not_found');
    await one.seal([{ tenant: 'acme', events: 2 }]);
    const of = (more: Partial<ProveOptions>): Promise<string> =>
      codeOf(proveEntry(one.store, optionsFor(one, { tenant: 'acme', entry: 0, ...more })));
    expect(await of({})).toBe('proven');
    expect(await of({ tenant: 'nobody' })).toBe('tenant_not_found');
    expect(await of({ entry: 2 })).toBe('entry_not_found');
    expect(await of({ log: '00'.repeat(16) })).toBe('log_not_found');
    expect(await of({ partitions: [{ ...one.partition, incarnation: 7 }] })).toBe('tenant_not_found');

    const later = await createWorld({ seed: 6, store: one.store, incarnation: 2 });
    await later.seal([{ tenant: 'acme', events: 1 }]);
    expect(await of({})).toBe('several_logs');
    expect(await of({ entry: 1 })).toBe('proven');
    const log = Buffer.from(later.rounds[0]?.batches[0]?.manifest.log ?? []).toString('hex');
    const text = await proveEntry(one.store, optionsFor(later, { tenant: 'acme', entry: 0, log }));
    expect(judge(later, text).place).toMatchObject({ incarnation: 2, log });
  });

  it.each<[string, (world: SealedWorld) => void]>([
    ['an altered event', ({ store }) => void Object.assign(store.tables.entries[3] as object, { action: 'invoice.read' })],
    [
      'a leaf of its batch that was altered',
      ({ store }) => void Object.assign(store.tables.entries[4] as object, { leaf_hash: new Uint8Array(32) }),
    ],
    ['an entry of its batch that is gone', ({ store }) => void store.tables.entries.splice(4, 1)],
    [
      'an entry of its batch that is there twice',
      ({ store }) => void store.tables.entries.push({ ...(store.tables.entries[3] as EntryColumns) }),
    ],
    ['an altered manifest', ({ store }) => void Object.assign(store.tables.manifests[1]?.manifest.header as object, { shed: 7 })],
    ['a manifest that is gone', ({ store }) => void store.tables.manifests.splice(1, 1)],
    ['a head that is gone', ({ store }) => void store.tables.heads.splice(1, 1)],
    ['an altered head', ({ store }) => void Object.assign(store.tables.heads[1]?.head as object, { entries: 99 })],
    ['an altered round', ({ store }) => void Object.assign(store.tables.rounds[1]?.round as object, { recorded_at: 1_800_000_000_000 })],
    ['a round that is gone', ({ store }) => void store.tables.rounds.splice(1, 1)],
    [
      'an altered operator frontier',
      ({ store }) => void Object.assign(store.tables.rounds[0] as object, { operator: { size: 1, nodes: [new Uint8Array(32)] } }),
    ],
    ['a registry without its key', ({ store }) => void store.tables.keyRecords.splice(0, 1)],
  ])('gives no proof of an entry with %s', async (_what, alter) => {
    const world = await createWorld({ seed: 7 });
    for (const events of [3, 2, 4]) await world.seal([{ tenant: 'acme', events }]);
    expect(await codeOf(proveEntry(world.store, optionsFor(world, { tenant: 'acme', entry: 3 })))).toBe('proven');
    alter(world);
    expect(await codeOf(proveEntry(world.store, optionsFor(world, { tenant: 'acme', entry: 3 })))).toBe('not_provable');
  });
});
