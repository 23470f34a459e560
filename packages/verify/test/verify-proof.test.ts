import { signNote } from '@sealtrail/merkle';
import { type BatchManifest, headCodec, type LogHead, manifestCodec, type Round, roundCodec } from '@sealtrail/wire';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Axis, formatProof, type ProofContent, parseProof, splitCheckpoints, type Verdict, verifyProof } from '../src/index.ts';
import { contentOf, fileOf } from './proofs.ts';
import { createWorld, randomOf, type SealedWorld, sha256, verify } from './sealed-world.ts';

const judge = (world: SealedWorld, file: Uint8Array): Verdict => verifyProof(file, { keys: [world.key], sha256, ed25519Verify: verify });
const verdictsOf = (verdict: Verdict): Partial<Record<Axis, string>> =>
  Object.fromEntries(Object.entries(verdict.axes).map(([axis, { verdict: said, code }]) => [axis, code ?? said]));

let world: SealedWorld;
let content: ProofContent;
let file: Uint8Array;
beforeAll(async () => {
  world = await createWorld({ seed: 11 });
  await world.seal([
    { tenant: 'acme', events: 3 },
    { tenant: 'globex', events: 1 },
  ]);
  await world.seal([{ tenant: 'acme', events: 2 }, { garbage: Uint8Array.of(1) }, { tenant: 'initech', events: 5 }]);
  await world.seal([{ tenant: 'globex', events: 2 }]);
  content = contentOf(world, { round: 1, batch: 1, index: 3 });
  file = fileOf(content);
});

describe('a proof that holds', () => {
  it('says per axis what was checked and what was not', () => {
    const verdict = judge(world, file);
    expect(verdict.ok).toBe(true);
    expect(verdict.refusal).toBeNull();
    expect(verdictsOf(verdict)).toEqual({
      producer_signature: 'verified',
      inclusion: 'verified',
      consistency: 'not_checked',
      checkpoint: 'verified',
      witness: 'not_checked',
      identity_evidence: 'not_checked',
      completeness: 'not_checked',
    });
    expect(verdict.place).toMatchObject({ tenant: 'initech', entry: 3, position: 0, batch_index: 3, batch_size: 5, round: 1, offset: 4 });
    expect(verdict.event?.erased).toEqual([]);
    expect(verdict.event?.fields).toMatchObject({
      action: 'invoice.delete',
      source_ip: '192.0.2.7',
      attributes: { amount: '12.50', currency: 'EUR' },
    });
    expect(verdict.event?.fields).not.toHaveProperty('actor_salt');
    expect(JSON.parse(JSON.stringify(verdict))).toEqual(verdict);
  });

  it('names what was erased, and shows nothing of it', () => {
    const verdict = judge(world, fileOf(contentOf(world, { round: 1, batch: 1, index: 3, erased: ['actor', 'object'] })));
    expect(verdict.ok).toBe(true);
    expect(verdict.event?.erased).toEqual(['actor', 'object']);
    expect(verdict.axes.inclusion.reason).toContain('actor and object section');
    expect(Object.keys(verdict.event?.fields ?? {})).not.toContain('actor_id');
    expect(verdict.event?.fields['resource_id']).toBeUndefined();
    expect(verdict.event?.fields['action']).toBe('invoice.delete');
  });

  it('agrees with a saved checkpoint of its size, and shows two logs of one size for what they are', () => {
    const options = { keys: [world.key], sha256, ed25519Verify: verify };
    expect(verifyProof(file, { ...options, saved_checkpoint: world.checkpoint() }).axes.consistency.verdict).toBe('verified');
    const other = verifyProof(file, { ...options, saved_checkpoint: world.signCheckpoint(3, new Uint8Array(32)) });
    expect([other.ok, other.axes.consistency.code]).toEqual([false, 'split_view']);
    const smaller = verifyProof(file, { ...options, saved_checkpoint: world.signCheckpoint(2, new Uint8Array(32)) });
    expect([smaller.ok, smaller.axes.consistency.verdict]).toEqual([true, 'not_checked']);
  });

  it('is read and written to the same bytes, whatever the rounds it comes from', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const random = randomOf(seed);
        const some = await createWorld({ seed });
        const rounds = 1 + random.below(5);
        for (let i = 0; i < rounds; i++) {
          const specs = Array.from({ length: 1 + random.below(4) }, () => ({
            tenant: `tenant-${random.below(3)}`,
            events: 1 + random.below(9),
          }));
          await some.seal(specs);
        }
        const round = random.below(rounds);
        const batch = random.below(some.rounds[round]?.batches.length ?? 0);
        const index = random.below(some.rounds[round]?.batches[batch]?.batch.header.count ?? 0);
        const erased = (['actor', 'object'] as const).filter(() => random.below(3) === 0);
        const bytes = fileOf(contentOf(some, { round, batch, index, erased }));
        const verdict = judge(some, bytes);
        expect(verdict.ok, JSON.stringify(verdict.axes)).toBe(true);
        const parsed = parseProof(bytes);
        if (parsed.kind === 'refused') throw new Error(parsed.detail);
        expect(formatProof(parsed)).toBe(new TextDecoder().decode(bytes));
        expect(verdict.place?.entry).toBe((some.rounds[round]?.batches[batch]?.manifest.first_entry ?? 0) + index);
      }),
      { numRuns: 100 },
    );
  });
});

describe('a proof that was touched', () => {
  it('holds with none of its bits flipped', () => {
    const survivors: string[] = [];
    for (const erased of [[], ['actor', 'object']] as const) {
      const sound = fileOf(contentOf(world, { round: 1, batch: 1, index: 3, erased }));
      for (let at = 0; at < sound.length; at++) {
        for (let bit = 0; bit < 8; bit++) {
          const flipped = sound.slice();
          flipped[at] = (flipped[at] as number) ^ (1 << bit);
          if (judge(world, flipped).ok) survivors.push(`byte ${at} bit ${bit}`);
        }
      }
    }
    expect(survivors).toEqual([]);
  });

  it('holds neither shortened nor lengthened, at any byte', () => {
    const survivors: string[] = [];
    const newlines = [0x0a, 0x0d, 0x20, 0x3d, 0x41];
    for (let at = 0; at <= file.length; at++) {
      if (at < file.length && judge(world, file.slice(0, at)).ok) survivors.push(`cut at ${at}`);
      if (at < file.length && judge(world, Uint8Array.from([...file.slice(0, at), ...file.slice(at + 1)])).ok)
        survivors.push(`without byte ${at}`);
      for (const byte of newlines) {
        if (judge(world, Uint8Array.from([...file.slice(0, at), byte, ...file.slice(at)])).ok) survivors.push(`${byte} at ${at}`);
      }
    }
    expect(survivors).toEqual([]);
  });

  it('never throws, whatever the bytes', () => {
    const prefix = new TextEncoder().encode('c2sp.org/tlog-proof@v1\nextra ');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.boolean(), (bytes, prefixed) => {
        expect(judge(world, prefixed ? Uint8Array.from([...prefix, ...bytes]) : bytes).ok).toBe(false);
      }),
      { numRuns: 2_000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (extra) => {
        const entry = Buffer.from(extra).toString('base64');
        const text = `c2sp.org/tlog-proof@v1\nextra ${entry}\nindex 0\n\n${content.checkpoint}`;
        expect(judge(world, new TextEncoder().encode(text)).refusal?.code).toBe('entry_malformed');
      }),
      { numRuns: 2_000 },
    );
  });

  it('refuses a file that is too large before it reads it', () => {
    expect(judge(world, new Uint8Array(262_145)).refusal?.code).toBe('proof_too_large');
  });
});

/** Proofs of other entries: another entry of the batch, another batch of the tenant, another tenant, another round. */
describe('a proof spliced from two', () => {
  it('fails wherever the two differ', () => {
    const others = [
      { round: 1, batch: 1, index: 2 },
      { round: 1, batch: 0, index: 0 },
      { round: 0, batch: 0, index: 1 },
      { round: 2, batch: 0, index: 1 },
    ].map((at) => contentOf(world, at));
    let spliced = 0;
    for (const other of others) {
      for (const field of Object.keys(content.entry) as (keyof ProofContent['entry'])[]) {
        const mixed = { ...content, entry: { ...content.entry, [field]: other.entry[field] } };
        if (formatProof(mixed) === formatProof(content)) continue;
        spliced++;
        expect(judge(world, fileOf(mixed)).ok, `${field} of another proof`).toBe(false);
      }
      for (const field of ['index', 'path'] as const) {
        const mixed = { ...content, [field]: other[field] };
        if (formatProof(mixed) === formatProof(content)) continue;
        spliced++;
        expect(judge(world, fileOf(mixed)).ok, `${field} of another proof`).toBe(false);
      }
    }
    expect(spliced).toBeGreaterThan(25);
  });

  it.each<[string, (c: ProofContent) => ProofContent, Axis, string]>([
    [
      'an event of another batch',
      (c) => ({ ...c, entry: { ...c.entry, rest: contentOf(world, { round: 0, batch: 0, index: 0 }).entry.rest } }),
      'inclusion',
      'event_not_in_batch',
    ],
    ['another batch index', (c) => ({ ...c, entry: { ...c.entry, batch_index: 2 } }), 'inclusion', 'event_not_in_batch'],
    [
      'a manifest path too many',
      (c) => ({ ...c, entry: { ...c.entry, log_path: [...c.entry.log_path, new Uint8Array(32)] } }),
      'inclusion',
      'batch_not_in_log',
    ],
    ['another head index', (c) => ({ ...c, entry: { ...c.entry, head_index: 1 - c.entry.head_index } }), 'inclusion', 'head_not_in_round'],
    [
      'a predecessor that the log has not',
      (c) => ({ ...c, entry: { ...c.entry, log_predecessor: { log: new Uint8Array(16), size: 1, root: new Uint8Array(32) } } }),
      'inclusion',
      'places_disagree',
    ],
    ['another round index', (c) => ({ ...c, index: 0 }), 'inclusion', 'places_disagree'],
    ['a path to another root', (c) => ({ ...c, path: c.path.map(() => new Uint8Array(32)) }), 'inclusion', 'round_not_in_operator_log'],
    [
      'another public key',
      (c) => ({ ...c, entry: { ...c.entry, public_key: world.key.public_key } }),
      'producer_signature',
      'producer_key_mismatch',
    ],
    [
      'a checkpoint without the round',
      (c) => ({ ...c, checkpoint: world.signCheckpoint(1, new Uint8Array(32)) }),
      'inclusion',
      'round_not_in_operator_log',
    ],
    [
      'a checkpoint with a second signature',
      (c) => ({ ...c, checkpoint: `${c.checkpoint}${c.checkpoint.split('\n').at(-2)}\n` }),
      'checkpoint',
      'checkpoint_signatures',
    ],
    ['a checkpoint that is no note', (c) => ({ ...c, checkpoint: 'nothing\n' }), 'checkpoint', 'checkpoint_malformed'],
  ])('names the axis of %s', (_what, touch, axis, code) => {
    const verdict = judge(world, fileOf(touch(content)));
    expect(verdict.ok).toBe(false);
    expect(verdict.axes[axis]).toMatchObject({ verdict: 'failed', code });
    expect(verdict.event).toBeUndefined();
  });
});

/** A ledger with all keys, which binds what contradicts itself: every hash and signature is right. */
describe('records that are bound and contradict one another', () => {
  /** The proof of the one batch of a first round, with other records from there up. */
  async function boundAnew(changes: {
    manifest?: Partial<BatchManifest>;
    head?: Partial<LogHead>;
    round?: Partial<Round>;
  }): Promise<Verdict> {
    const one = await createWorld({ seed: 21 });
    await one.seal([{ tenant: 'acme', events: 2 }]);
    const sound = contentOf(one, { round: 0, batch: 0, index: 1 });
    const manifest = manifestCodec().encode({ ...manifestCodec().decode(sound.entry.manifest), ...changes.manifest });
    const leaf = manifestCodec().leafHash(sha256, manifest);
    const head = headCodec().encode({ ...headCodec().decode(sound.entry.head), last: leaf, root: leaf, ...changes.head });
    const headsRoot = headCodec().leafHash(sha256, head);
    const round = roundCodec().encode({ ...roundCodec().decode(sound.entry.round), heads_root: headsRoot, ...changes.round });
    const checkpoint = one.signCheckpoint(1, roundCodec().leafHash(sha256, round));
    return judge(one, fileOf({ ...sound, entry: { ...sound.entry, manifest, head, round }, checkpoint }));
  }

  it('verify where nothing is changed', async () => {
    expect((await boundAnew({})).ok).toBe(true);
  });

  it.each<[string, Parameters<typeof boundAnew>[0]]>([
    ['an offset before its round', { round: { from: 1, to: 2 } }],
    ['an offset after its round', { manifest: { offset: 1 } }],
    ['another partition', { manifest: { partition: 0, topic: 'other' } }],
    ['a round of another topic', { round: { topic: 'other' } }],
    ['a round of another partition', { round: { partition: 1 } }],
    ['a round of another incarnation', { round: { incarnation: 2 } }],
    ['another registry than its round', { manifest: { registry_size: 0 } }],
    ['a time after its round', { round: { recorded_at: 1 } }],
    ['a head of another log', { head: { log: new Uint8Array(16) } }],
    ['a head with too few entries', { head: { entries: 1 } }],
    ['a round of another index', { round: { index: 1 } }],
    ['a log that is not its tenant’s', { manifest: { log: new Uint8Array(16) }, head: { log: new Uint8Array(16) } }],
    ['a predecessor that its log has not', { manifest: { predecessor: { log: new Uint8Array(16), size: 1, root: new Uint8Array(32) } } }],
  ])('fail with %s', async (_what, changes) => {
    const verdict = await boundAnew(changes);
    expect(verdict.ok).toBe(false);
    expect(verdict.axes.inclusion.code).toBe('places_disagree');
  });

  it('are refused in versions that this build does not know', async () => {
    for (const changes of [{ manifest: { version: 2 } }, { round: { version: 2 } }])
      expect((await boundAnew(changes)).refusal?.code).toBe('not_supported');
  });

  it('are refused where the sections are cut elsewhere than the event’s own', () => {
    const { object, rest } = content.entry as { object: Uint8Array; rest: Uint8Array };
    const moved = { ...content.entry, object: object.slice(0, -1), rest: Uint8Array.from([...object.slice(-1), ...rest]) };
    expect(judge(world, fileOf({ ...content, entry: moved })).refusal?.code).toBe('event_malformed');
    expect(judge(world, fileOf({ ...content, entry: { ...content.entry, actor_digest: new Uint8Array(32) } })).refusal?.code).toBe(
      'entry_malformed',
    );
    expect(judge(world, fileOf({ ...content, entry: { ...content.entry, actor: null } })).refusal?.code).toBe('entry_malformed');
  });

  it('are refused where the event is of a schema that nobody knows', () => {
    const options = { keys: [world.key], sha256, ed25519Verify: verify, schemas: [] };
    expect(verifyProof(file, options).refusal?.code).toBe('event_schema_unknown');
  });
});

describe('the keys', () => {
  it('must be the deployment’s own', async () => {
    const other = await createWorld({ seed: 12 });
    const foreign = verifyProof(file, { keys: [other.key], sha256, ed25519Verify: verify });
    expect(foreign.axes.checkpoint).toMatchObject({ verdict: 'failed', code: 'checkpoint_key_unknown' });
    expect(foreign.ok).toBe(false);
    expect(verifyProof(file, { keys: [], sha256, ed25519Verify: verify }).ok).toBe(false);
    expect(verifyProof(file, { keys: [other.key, world.key], sha256, ed25519Verify: verify }).ok).toBe(true);
  });

  it('speak for the log of their name only', async () => {
    const second = await createWorld({ seed: 11, partition: 1, partitions: 2 });
    const mixed = { ...content, checkpoint: second.signCheckpoint(3, new Uint8Array(32)) };
    const verdict = verifyProof(fileOf(mixed), { keys: [world.key, second.key], sha256, ed25519Verify: verify });
    expect(verdict.axes.checkpoint.code).toBe('checkpoint_origin');
  });

  it('do not speak for a log of another name, whatever the text says', async () => {
    const second = await createWorld({ seed: 11, partition: 1, partitions: 2 });
    const text = content.checkpoint.slice(0, content.checkpoint.indexOf('\n\n') + 1);
    const borrowed = signNote(text, second.key, second.signLedger);
    const verdict = verifyProof(fileOf({ ...content, checkpoint: borrowed }), {
      keys: [world.key, second.key],
      sha256,
      ed25519Verify: verify,
    });
    expect(verdict.axes.checkpoint.code).toBe('checkpoint_key_unknown');
  });

  it('verify nothing that a stranger signed under their hash', () => {
    const lines = content.checkpoint.split('\n');
    const text = `${lines.slice(0, 3).join('\n')}\n`;
    const signature = Buffer.from((lines[4] as string).split(' ')[2] as string, 'base64');
    signature[20] = (signature[20] as number) ^ 1;
    const forged = `${text}\n— ${world.key.name} ${signature.toString('base64')}\n`;
    const verdict = judge(world, fileOf({ ...content, checkpoint: forged }));
    expect(verdict.axes.checkpoint.code).toBe('checkpoint_signature_invalid');
  });
});

describe('a log that continues another', () => {
  it('is proven with its predecessor, at its first position and later', async () => {
    const predecessor = { log: Uint8Array.from({ length: 16 }, (_, i) => i), size: 9, root: Uint8Array.from({ length: 32 }, (_, i) => i) };
    const later = await createWorld({ seed: 5, incarnation: 2, predecessor });
    await later.seal([
      { tenant: 'acme', events: 2 },
      { tenant: 'acme', events: 2 },
    ]);
    const [first, second] = [0, 1].map((batch) => contentOf(later, { round: 0, batch, index: 1 })) as [ProofContent, ProofContent];
    expect(judge(later, fileOf(first)).ok).toBe(true);
    // The manifest names it at position 0 only; the id needs it ever after.
    expect(judge(later, fileOf(second)).axes.inclusion.code).toBe('places_disagree');
    expect(judge(later, fileOf({ ...second, entry: { ...second.entry, log_predecessor: predecessor } })).ok).toBe(true);
  });
});

describe('a text of several checkpoints', () => {
  it('is split into its notes, and anything else is none', async () => {
    const second = await createWorld({ seed: 11, partition: 1, partitions: 2 });
    const notes = [world.checkpoint(), second.checkpoint(), world.signCheckpoint(0, new Uint8Array(32))];
    expect(splitCheckpoints(notes.join(''))).toEqual(notes);
    expect(splitCheckpoints(notes[0] as string)).toEqual([notes[0]]);
    for (const text of [
      '',
      '\n',
      'nothing\n',
      `${notes[0]}\n${notes[1]}`,
      `${notes[0]}x`,
      ` ${notes[0]}x`,
      (notes[0] as string).slice(0, -1),
    ]) {
      expect(splitCheckpoints(text), JSON.stringify(text)).toBeNull();
    }
  });
});
