import { createHash } from 'node:crypto';
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 as nodeSha256 } from '@sealtrail/merkle/node';
import { assembleBatch, batchSigningInput, currentEventSchema } from '@sealtrail/wire';
import { describe, expect, it } from 'vitest';
import { emptyTenant, type PartitionIdentity } from '../src/index.ts';
import { sealAll, type TestLedger } from './fixtures/ledger.ts';
import { plainEvent, signedBatch, type TestProducer, testKeySeed } from './fixtures/producer.ts';
import { batch, fresh, identity, lives, NOW, one, place } from './fixtures/world.ts';

const sha256 = nodeSha256();

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

/** An Ed25519 signature with a nonce of the caller's choice. */
function signWithNonce(seed: Uint8Array, nonce: bigint, message: Uint8Array): Uint8Array {
  const { scalar, pointBytes } = ed25519.utils.getExtendedPublicKey(seed);
  const { Point } = ed25519;
  const r = Point.BASE.multiply(nonce).toBytes();
  const digest = createHash('sha512').update(r).update(pointBytes).update(message).digest();
  const k = Point.Fn.create(BigInt(`0x${digest.reverse().toString('hex')}`));
  return Uint8Array.from([...r, ...Point.Fn.toBytes(Point.Fn.create(nonce + k * scalar))]);
}

describe('a number that comes again', () => {
  const again = batch('acme', 0);
  const conflict = batch('acme', 0, { shed: 9 });
  it('with the same header is a duplicate, in the same round and in a later one', () => {
    const round = one([again, again]);
    expect([round.batches.length, round.duplicates.length, round.rejected.length]).toEqual([1, 1, 0]);
    expect(round.duplicates[0]).toMatchObject({
      tenant: 'acme',
      duplicate: { offset: 1, header_hash: round.batches[0]?.batch.header_hash, digest: sha256.digest(again) },
    });
    const { rounds } = sealAll(fresh(), place([again, again], ['acme', 'acme']), [1]);
    expect(rounds[1]).toMatchObject({ batches: [], heads: [], rejected: [] });
    expect(rounds[1]?.duplicates.length).toBe(1);
    expect(rounds[1]?.next.tenants.size).toBe(0);
  });
  it('with another header is a conflict, in the same round and in a later one, and the first stands', () => {
    const round = one([again, conflict]);
    expect(round.rejected[0]).toMatchObject({
      rejection: { offset: 1, reason: 'sequence_conflict', length: conflict.length, digest: sha256.digest(conflict) },
    });
    expect(round.batches[0]?.batch.record).toEqual(again);
    const { rounds } = sealAll(fresh(), place([again, conflict], ['acme', 'acme']), [1]);
    expect(rounds[1]?.rejected[0]).toMatchObject({ rejection: { reason: 'sequence_conflict' } });
  });
  it('with the same header and another signature is a duplicate: what is signed is the header', () => {
    const { header_bytes, record, signature, events, header } = signedBatch(lives[0] as TestProducer, {
      tenant: 'acme',
      sequence: 0,
      events: [plainEvent()],
    });
    // RFC 8032 draws its nonce from the key and the message; whoever holds the key may draw another.
    const other = signWithNonce(testKeySeed(1), 12_345n, batchSigningInput(header.key_id, header_bytes));
    expect(other).not.toEqual(signature);
    const second = assembleBatch(header_bytes, other, 1, events, currentEventSchema());
    expect(second).not.toEqual(record);
    const round = one([record, second]);
    expect(round.duplicates).toMatchObject([{ duplicate: { offset: 1, digest: sha256.digest(second) } }]);
    expect(round.batches[0]?.manifest.signature).toEqual(signature);
  });
  it('is another number for another tenant, producer, instance or delivery', () => {
    const round = one(
      [
        again,
        batch('umbrella', 0),
        batch('acme', 0, {}, [plainEvent()], 1),
        batch('acme', 0, {}, [plainEvent()], 2),
        batch('acme', 0, { delivery: 'CRITICAL' }),
      ],
      ['acme', 'umbrella', 'acme', 'acme', 'acme'],
    );
    expect([round.batches.length, round.duplicates.length, round.rejected.length]).toEqual([5, 0, 0]);
  });
  it('may come late: a gap is filled', () => {
    const round = one([5, 3, 4, 0].map((sequence) => batch('acme', sequence)));
    const sequences = [...(round.next.tenants.get('acme')?.sequences.values() ?? [])];
    expect(sequences[0]?.intervals).toEqual([
      { from: 0, to: 1 },
      { from: 3, to: 6 },
    ]);
  });
  it('of a rejected record is not used up', () => {
    const round = one([batch('acme', 0, { root: new Uint8Array(32) }), again]);
    expect([round.batches.length, round.rejected.length]).toEqual([1, 1]);
  });
});

describe('the time of a record', () => {
  it('never goes back, whatever the broker’s clock does', () => {
    const times = [NOW, NOW - 5_000, NOW + 10, NOW + 3, 0, NOW + 11];
    const values = times.map((_, sequence) => batch('acme', sequence));
    const { rounds } = sealAll(
      fresh(),
      place(
        values,
        times.map(() => 'acme'),
        times,
      ),
      [2, 2],
    );
    const recorded = rounds.flatMap((round) => round.batches.map(({ manifest }) => manifest.recorded_at));
    expect(recorded).toEqual([NOW, NOW, NOW + 10, NOW + 10, NOW + 10, NOW + 11]);
    expect(rounds.map(({ round }) => round.recorded_at)).toEqual([NOW, NOW + 10, NOW + 11]);
  });
  it('of a rejected record counts as well', () => {
    const { rounds } = sealAll(fresh(), place([ascii('x'), batch('acme', 0)], ['acme', 'acme'], [NOW + 500, NOW]), []);
    expect(rounds[0]?.rejected[0]?.recorded_at).toBe(NOW + 500);
    expect(rounds[0]?.batches[0]?.manifest.recorded_at).toBe(NOW + 500);
  });
});

describe('batches without events', () => {
  it('have a manifest and no entries', () => {
    const round = one([
      batch('acme', 0),
      batch('acme', 1, { kind: 'HEARTBEAT' }, []),
      batch('acme', 2, { kind: 'CLOSE' }, []),
      batch('acme', 3),
    ]);
    expect(round.batches.map(({ manifest }) => [manifest.position, manifest.first_entry])).toEqual([
      [0, 0],
      [1, 1],
      [2, 1],
      [3, 1],
    ]);
    expect(round.heads[0]?.head).toMatchObject({ size: 4, entries: 2 });
  });
});

describe('a log', () => {
  it('has another id for another tenant, topic, incarnation, partition, audience or predecessor', () => {
    const ids = new Set<string>();
    const add = (changed: Partial<PartitionIdentity>, tenant = 'acme', predecessor: Parameters<typeof emptyTenant>[3] = null): void =>
      void ids.add(Buffer.from(emptyTenant(sha256, { ...identity, ...changed }, tenant, predecessor).log).toString('hex'));
    add({});
    add({}, 'umbrella');
    add({ topic: 'audit.events2' });
    add({ incarnation: 2 });
    add({ partition: 1 });
    add({ audience: 'deployment-2' });
    add({}, 'acme', { log: new Uint8Array(16), size: 0, root: new Uint8Array(32) });
    add({ partitions: 9 }); // how many there are is not in it: it is pinned beside it
    expect(ids.size).toBe(7);
  });
  it('names its predecessor in its first manifest only', () => {
    const predecessor = { log: new Uint8Array(16).fill(4), size: 9, root: new Uint8Array(32).fill(5) };
    const ledger: TestLedger = { ...fresh(), tenants: new Map([['acme', emptyTenant(sha256, identity, 'acme', predecessor)]]) };
    const { rounds } = sealAll(ledger, place([batch('acme', 0), batch('acme', 1)], ['acme', 'acme']), [1]);
    expect(rounds.flatMap((round) => round.batches.map(({ manifest }) => manifest.predecessor))).toEqual([predecessor, null]);
  });
});
