import { appendLeaf, EMPTY_FRONTIER, frontierRoot } from '@sealtrail/merkle';
import { ed25519PublicKey, ed25519Signer } from '@sealtrail/merkle/node';
import { headsRoot, rejectionsRoot, type SealedRound } from '@sealtrail/seal';
import { type BatchManifest, manifestCodec, parseHeader, type Round, roundCodec } from '@sealtrail/wire';
import { describe, expect, it } from 'vitest';
import { createBatchSigner } from '../../emitter/src/batch-signer.ts';
import { AUDIENCE, createWorld, eventNamed, randomOf, type SealedWorld, sha256 } from '../../verify/test/sealed-world.ts';
import { EvidenceError, fsck } from '../src/index.ts';
import { check, codesOf, committedOf, inputFor, placeOf, randomWorld } from './fsck-world.ts';
import { remove, roundOf } from './tables.ts';
import { tamperedWorld } from './tampered-world.ts';

const saved = (world: SealedWorld, note: string): { readonly saved_checkpoints: { note: string; keys: [SealedWorld['key']] }[] } => ({
  saved_checkpoints: [{ note, keys: [world.key] }],
});

/** Two ledgers of one deployment, with the same keys and other events: what a rewrite with all keys looks like. */
const rewritten = async (): Promise<{ readonly first: SealedWorld; readonly second: SealedWorld }> => {
  const worlds = [];
  for (const seed of [1, 2]) {
    const world = await createWorld({ seed, keySeed: 9 });
    for (const events of [2, 3, 1]) {
      await world.seal([{ tenant: 'acme', events }]);
      await world.storeCheckpoint();
    }
    worlds.push(world);
  }
  const [first, second] = worlds as [SealedWorld, SealedWorld];
  return { first, second };
};

describe('a checkpoint kept elsewhere', () => {
  it('is extended by the store that it is of, however much was sealed since', async () => {
    const world = await createWorld({ seed: 3 });
    const notes: string[] = [world.checkpoint()];
    for (let i = 0; i < 5; i++) {
      await world.seal([{ tenant: 'acme', events: 2 }]);
      notes.push(world.checkpoint());
    }
    for (const note of notes) expect((await check(world, saved(world, note))).findings).toEqual([]);
  });

  it('finds a store that was written anew with the same keys', async () => {
    const { first, second } = await rewritten();
    // The new store is sound in itself: nothing but what was kept elsewhere can tell.
    expect((await check(second)).findings).toEqual([]);
    expect((await check(second, saved(second, first.checkpoint()))).findings.map(placeOf)).toEqual([
      { code: 'saved_checkpoint_mismatch', round: 3 },
    ]);
    expect((await check(second, { committed: committedOf(first) })).findings.map(placeOf)).toEqual([
      { code: 'commit_mismatch', offset: 3 },
    ]);
    // A checkpoint of the old store that was left behind tells too.
    second.store.tables.checkpoints.push(...first.store.tables.checkpoints);
    expect(codesOf(await check(second))).toEqual(['checkpoint_mismatch']);
  });

  it('finds a store that was cut off or emptied', async () => {
    const world = await tamperedWorld();
    const note = world.checkpoint();
    const { tables } = world.store;
    remove(tables.entries, ...tables.entries.filter(({ offset }) => offset >= 12));
    remove(tables.manifests, ...tables.manifests.filter(({ manifest }) => manifest.offset >= 12));
    remove(tables.heads, ...tables.heads.filter(({ offset }) => offset >= 12));
    remove(tables.rounds, roundOf(world, 4));
    remove(tables.checkpoints, ...tables.checkpoints.filter(({ size }) => size === 5));
    Object.assign(tables.commits[1] as object, { to: 12, round_hash: world.rounds[3]?.hash });
    expect((await check(world)).findings).toEqual([]);
    expect((await check(world, saved(world, note))).findings.map(placeOf)).toEqual([{ code: 'saved_checkpoint_ahead', round: 5 }]);
    const [cut, ...more] = (await check(world, { committed: committedOf(world) })).findings;
    expect([cut && placeOf(cut), more]).toEqual([{ code: 'tail_missing', offset: 12 }, []]);
    expect(cut?.detail).toMatch(/the tail was removed; restore it from a backup/);
    for (const table of Object.values(tables)) table.length = 0;
    expect((await check(world)).findings).toEqual([]);
    const emptied = await check(world, { ...saved(world, note), committed: committedOf(world) });
    expect(emptied.findings.map(placeOf)).toEqual([
      { code: 'saved_checkpoint_ahead', round: 5 },
      { code: 'tail_missing', offset: 0 },
    ]);
    expect(codesOf(await check(world, saved(world, note)))).toEqual(['saved_checkpoint_foreign']);
  });

  it('reads stored checkpoints as the rounds go on, a page ahead of them and no more', async () => {
    const world = await createWorld({ seed: 6, page_rows_max: 1 });
    for (let i = 0; i < 20; i++) {
      await world.seal([{ tenant: 'acme', events: 1 }]);
      await world.storeCheckpoint();
    }
    let pages = 0;
    const store = {
      ...world.store,
      checkpoints: async function* (origin: string) {
        for await (const page of world.store.checkpoints(origin)) {
          pages++;
          yield page;
        }
      },
    };
    const ahead: number[] = [];
    const report = await fsck(inputFor(world, { store }), (what, done) => {
      if (what === 'rounds') ahead.push(pages - done);
    });
    expect({ ok: report.ok, pages }).toEqual({ ok: true, pages: 20 });
    expect(ahead.length).toBeGreaterThanOrEqual(20);
    expect(Math.max(...ahead)).toBeLessThanOrEqual(1);
  });

  it('finds a stored checkpoint that goes beyond the rounds', async () => {
    const world = await tamperedWorld();
    world.store.tables.checkpoints.push({
      origin: world.key.name,
      size: 9,
      root: new Uint8Array(32),
      note: world.signCheckpoint(9, new Uint8Array(32)),
    });
    expect((await check(world)).findings.map(placeOf)).toEqual([{ code: 'checkpoint_ahead', round: 9 }]);
  });

  it('must itself verify', async () => {
    const world = await tamperedWorld();
    const other = await createWorld({ seed: 5 });
    const foreign = await createWorld({ seed: 77, incarnation: 7 });
    expect(codesOf(await check(world, { saved_checkpoints: [{ note: world.checkpoint(), keys: [other.key] }] }))).toEqual([
      'saved_checkpoint_invalid',
    ]);
    expect(codesOf(await check(world, saved(foreign, foreign.signCheckpoint(2, new Uint8Array(32)))))).toEqual([
      'saved_checkpoint_foreign',
    ]);
    await expect(check(world, saved(world, 'nothing'))).rejects.toThrow(EvidenceError);
    await expect(check(world, saved(world, 'nothing'))).rejects.toMatchObject({ code: 'input_malformed' });
  });
});

describe('what the event log committed', () => {
  it('may be behind the store, which goes on, but not ahead of it', async () => {
    const world = await tamperedWorld();
    const places = world.rounds.map(({ round, hash }) => ({ ...world.partition, offset: round.to, round_hash: hash }));
    for (const place of places) expect((await check(world, { committed: [place] })).findings).toEqual([]);
    const wrong = { ...world.partition, offset: 5, round_hash: world.rounds[0]?.hash as Uint8Array };
    expect((await check(world, { committed: [wrong] })).findings.map(placeOf)).toEqual([{ code: 'commit_mismatch', offset: 5 }]);
  });
});

describe('a commit row that comes late', () => {
  it('is no finding once it is there, and one while it is not', async () => {
    const world = await tamperedWorld();
    const committed = committedOf(world);
    const row = world.store.tables.commits[1] as { to: number; round_hash: Uint8Array };
    const before = { to: 12, round_hash: world.rounds[3]?.hash as Uint8Array };
    const after = { to: row.to, round_hash: row.round_hash };
    Object.assign(row, before);
    remove(world.store.tables.checkpoints, ...world.store.tables.checkpoints.filter(({ size }) => size === 5));
    const [finding, ...more] = (await check(world, { committed })).findings;
    expect([finding?.code, more]).toEqual(['tail_missing', []]);
    expect(finding?.detail).toMatch(/its round is there, its commit row is not: .+; start a ledger, which writes the row/);
    const late = await fsck(inputFor(world, { committed }), () => Object.assign(row, after));
    expect(late.findings).toEqual([]);
  });
});

describe('several partitions', () => {
  it('are checked each for itself', async () => {
    const zero = await createWorld({ seed: 21, partitions: 2, partition: 0 });
    const one = await createWorld({ seed: 22, partitions: 2, partition: 1, store: zero.store, keySeed: 21 });
    const next = await createWorld({ seed: 23, incarnation: 2, store: zero.store, keySeed: 21 });
    const tenants = { 0: 'tenant-0', 1: 'tenant-1' };
    for (const world of [zero, one, next]) {
      for (let i = 0; i < 3; i++) {
        // A tenant that belongs on the other partition is rejected, which is as good.
        await world.seal([
          { tenant: tenants[0], events: 2 },
          { tenant: tenants[1], events: 1 },
        ]);
        await world.storeCheckpoint();
      }
    }
    const keys = [zero, one, next].map(({ key }) => key);
    const more = {
      checkpointKey: (origin: string) => keys.find(({ name }) => name === origin) ?? null,
      committed: [zero, one, next].flatMap(committedOf),
    };
    const report = await check(zero, more);
    expect([report.findings, report.rounds]).toEqual([[], 9]);
    const entry = zero.store.tables.entries.find(({ partition, incarnation }) => partition === 1 || incarnation === 2);
    Object.assign(entry as object, { action: 'x' });
    const found = (await check(zero, more)).findings;
    expect(found).toMatchObject([{ code: 'entry_altered', partition: `audit.events/${entry?.incarnation}/${entry?.partition}` }]);
  });
});

/** A ledger that has all keys and seals what the rules forbid: every hash is right. */
describe('a round that was sealed against the rules', () => {
  const resealed = (sealed: SealedRound, changes: Partial<Round>): SealedRound => {
    const round = { ...sealed.round, ...changes };
    const bytes = roundCodec().encode(round);
    return { ...sealed, round, bytes, hash: roundCodec().leafHash(sha256, bytes) };
  };
  /** A first round of one tenant with other manifests, and all that follows from them: chain, head, round. */
  const withManifests = (sealed: SealedRound, changesOf: (index: number) => Partial<BatchManifest>): SealedRound => {
    let frontier = EMPTY_FRONTIER;
    let previous = new Uint8Array(32);
    const batches = sealed.batches.map((batch, i) => {
      const manifest = { ...batch.manifest, previous, ...changesOf(i) };
      const manifest_bytes = manifestCodec().encode(manifest);
      const manifest_hash = manifestCodec().leafHash(sha256, manifest_bytes);
      frontier = appendLeaf(sha256, frontier, manifest_hash);
      previous = new Uint8Array(manifest_hash);
      return { ...batch, manifest, manifest_bytes, manifest_hash };
    });
    const [head] = sealed.heads as [SealedRound['heads'][0]];
    const altered = { ...head.head, log: batches[0]?.manifest.log ?? head.head.log, last: previous, root: frontierRoot(sha256, frontier) };
    return resealed({ ...sealed, batches, heads: [{ ...head, head: altered, frontier }] }, { heads_root: headsRoot(sha256, [altered]) });
  };
  const sealOne = async (alter: (sealed: SealedRound) => SealedRound, batches = 1): Promise<unknown[]> => {
    const world = await createWorld({ seed: 31 });
    await world.seal(
      Array.from({ length: batches }, () => ({ tenant: 'acme', events: 2 })),
      alter,
    );
    return (await check(world)).findings.map(placeOf);
  };

  it.each<[string, object]>([
    ['entries that do not begin where the last ended', { first_entry: 5 }],
    ['a predecessor hash before the first', { previous: new Uint8Array(32).fill(1) }],
    ['another size of the registry than its round', { registry_size: 0 }],
  ])('a manifest with %s', async (_what, changes) => {
    const found = await sealOne((sealed) => withManifests(sealed, () => changes));
    expect(found).toContainEqual(expect.objectContaining({ code: 'manifest_invalid', tenant: 'acme', position: 0 }));
  });

  it.each<[string, Partial<BatchManifest>]>([
    ['the offset of the first', { offset: 0 }],
    ['a time before that of the first', { recorded_at: 5 }],
    ['entries that leave a gap', { first_entry: 7 }],
    ['a predecessor', { predecessor: { log: new Uint8Array(16), size: 1, root: new Uint8Array(32) } }],
    ['another manifest before it', { previous: new Uint8Array(32).fill(4) }],
  ])('a second manifest with %s', async (_what, changes) => {
    const found = await sealOne((sealed) => withManifests(sealed, (i) => (i === 1 ? changes : {})), 2);
    // The chain inside of the log tells manifests apart that are bound by the head alone.
    expect(found).toContainEqual(
      expect.objectContaining({ tenant: 'acme', code: expect.stringMatching(/^manifest_(invalid|altered|missing)$/) }),
    );
  });

  it.each<[string, Partial<Round>]>([
    ['offsets that leave a gap', { from: 3 }],
    ['offsets that overlap', { from: 1 }],
    ['a time before that of the first', { recorded_at: 5 }],
    ['fewer key records', { registry_size: 0 }],
  ])('a second round with %s', async (_what, changes) => {
    const world = await createWorld({ seed: 36 });
    await world.seal([
      { tenant: 'acme', events: 1 },
      { tenant: 'globex', events: 1 },
    ]);
    await world.seal([{ tenant: 'acme', events: 1 }, { garbage: Uint8Array.of(1) }], (sealed) => resealed(sealed, changes));
    const { findings } = await check(world);
    expect(findings.map(placeOf)).toContainEqual(expect.objectContaining({ code: 'round_invalid', round: 1 }));
  });

  it.each<[string, object]>([
    ['no offsets', { to: 0 }],
    ['a round before the first', { previous: new Uint8Array(32).fill(1) }],
    ['rules of the future', { rules_version: 99 }],
    ['another version', { version: 2 }],
  ])('a round with %s', async (_what, changes) => {
    expect(await sealOne((sealed) => resealed(sealed, changes))).toContainEqual(
      expect.objectContaining({ code: 'round_invalid', round: 0 }),
    );
  });

  it('a log of another tenant', async () => {
    const found = await sealOne((sealed) =>
      withManifests(sealed, () => ({ predecessor: { log: new Uint8Array(16), size: 1, root: new Uint8Array(32) } })),
    );
    expect(found).toContainEqual(expect.objectContaining({ code: 'log_id_mismatch', tenant: 'acme' }));
  });

  it('a head that the manifests do not give', async () => {
    const found = await sealOne((sealed) => {
      const [head] = sealed.heads as [SealedRound['heads'][0]];
      const newHead = { ...head.head, entries: 9 };
      return resealed({ ...sealed, heads: [{ ...head, head: newHead }] }, { heads_root: headsRoot(sha256, [newHead]) });
    });
    expect(found).toEqual([{ code: 'head_mismatch', tenant: 'acme', position: 0, offset: 0 }]);
    const root = await sealOne((sealed) => {
      const [head] = sealed.heads as [SealedRound['heads'][0]];
      const newHead = { ...head.head, root: new Uint8Array(32).fill(8) };
      const frontier = { size: 1, nodes: [newHead.root] };
      return resealed({ ...sealed, heads: [{ ...head, head: newHead, frontier }] }, { heads_root: headsRoot(sha256, [newHead]) });
    });
    expect(root).toEqual([{ code: 'head_mismatch', tenant: 'acme', position: 0, offset: 0 }]);
  });

  it('a record that was left out', async () => {
    const world = await createWorld({ seed: 32 });
    await world.seal([{ tenant: 'acme', events: 2 }, { garbage: Uint8Array.of(1) }, { garbage: Uint8Array.of(2) }], (sealed) =>
      resealed({ ...sealed, rejected: [] }, { rejected: 0, rejected_root: rejectionsRoot(sha256, []) }),
    );
    expect((await check(world)).findings.map(placeOf)).toEqual([{ code: 'offset_not_sealed', offset: 1 }]);
  });

  it('a record that ended twice', async () => {
    const world = await createWorld({ seed: 33 });
    await world.seal([{ tenant: 'acme', events: 2 }, { garbage: Uint8Array.of(1) }], (sealed) => {
      const [one] = sealed.rejected as [SealedRound['rejected'][0]];
      const twice = { ...one, rejection: { ...one.rejection, offset: 0 } };
      return resealed(
        { ...sealed, rejected: [twice, one] },
        { rejected: 2, rejected_root: rejectionsRoot(sha256, [twice.rejection, one.rejection]) },
      );
    });
    expect((await check(world)).findings.map(placeOf)).toEqual([{ code: 'offset_sealed_twice', offset: 0 }]);
  });

  it('a batch that nobody with the key signed, or whose key was not in force', async () => {
    const random = randomOf(5);
    const seed = random.bytes(32);
    const signer = createBatchSigner({
      sha256,
      sign: ed25519Signer(seed),
      publicKey: ed25519PublicKey(seed),
      audience: AUDIENCE,
      producer: 'billing',
      instance: random.bytes(16),
      started_at: 1_700_000_000_000,
      random: random.bytes,
    });
    const sign = (): Uint8Array => signer.sign({ tenant: 'acme', delivery: 'ROUTINE', events: [eventNamed('a')] }).value;
    const world = await createWorld({ seed: 34 });
    await world.seal([{ tenant: 'acme', unexamined: sign() }]);
    await world.register({ public_key: ed25519PublicKey(seed) });
    const unsigned = sign();
    const parsed = parseHeader(unsigned, sha256);
    if (parsed.kind === 'refused') throw new Error(parsed.detail);
    // The signature is a view of the record.
    parsed.signature[9] = (parsed.signature[9] as number) ^ 1;
    await world.seal([
      { tenant: 'acme', unexamined: unsigned },
      { tenant: 'acme', unexamined: sign() },
    ]);
    expect((await check(world)).findings.map(placeOf)).toEqual([
      { code: 'key_not_in_force', tenant: 'acme', position: 0, offset: 0 },
      { code: 'signature_invalid', tenant: 'acme', position: 1, offset: 1 },
    ]);
  });

  it('a round with another root of the registry', async () => {
    const world = await createWorld({ seed: 35 });
    await world.seal([{ tenant: 'acme', events: 1 }], (sealed) => resealed(sealed, { registry_root: new Uint8Array(32) }));
    // A round is bound by its hash, a row of the registry by nothing but the rounds: the row is what is doubted.
    expect(codesOf(await check(world))).toEqual(['registry_altered']);
  });
});

describe('progress and memory', () => {
  it('is told by label, counts up, and reads pages of any size to the same report', async () => {
    const seen = new Map<string, number>();
    const world = await randomWorld(8);
    await fsck(inputFor(world), (label, done) => {
      expect(done).toBeGreaterThanOrEqual(seen.get(label) ?? 0);
      seen.set(label, done);
    });
    expect([...seen.keys()].sort()).toEqual(['entries', 'rounds']);
    for (const page_rows_max of [1, 2, 1_000]) {
      const same = await randomWorld(8, { page_rows_max });
      same.store.tables.entries.splice(3, 1);
      expect((await check(same)).findings).toMatchObject([{ code: 'entry_missing' }]);
    }
  });
});
