/** The memory adapter is the plainest reading of the port: the engine must answer alike, and so must the views in SQL. */
import { type CommitRow, type LedgerStore, type PartitionKey, visibleIntervals } from '@sealtrail/ledger-store';
import { createMemoryLedgerStore } from '@sealtrail/ledger-store/memory';
import { createSampleLedger, headRows, rejectedRows, roundRow, type SampleLedger } from '@sealtrail/ledger-store/samples';
import type { SealedRound } from '@sealtrail/seal';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rowsOf, storeOfFile } from './temporary.ts';

const storeNow = storeOfFile({ page_rows_max: 3 });
const claimOf = (n: number): Uint8Array => Uint8Array.from({ length: 16 }, (_, i) => (i === 15 ? 0 : n * 16 + i));
const hashOf = (n: number): Uint8Array => new Uint8Array(32).fill(n, 0, 31);

const ROUNDS = 4;
const TENANTS = ['acme', 'globex'];
/** A partition of its own each run: one store serves all. */
let runs = 0;

function sampleRounds(topic: string, seed: string): { ledger: SampleLedger; rounds: SealedRound[] } {
  const ledger = createSampleLedger({ partition: { topic }, seed });
  const again = ledger.sign({ tenant: 'acme' });
  const rounds = Array.from({ length: ROUNDS }, (_, i) =>
    ledger.seal([
      ledger.sign({ tenant: TENANTS[i % 2] as string, events: 2 }),
      // Sealed in the first round, a duplicate in the others.
      again,
      { key: claimOf(i), value: claimOf(i) },
      ledger.sign({ tenant: 'acme', kind: 'HEARTBEAT' }),
    ]),
  );
  return { ledger, rounds };
}

type Step =
  | { readonly kind: 'rows'; readonly round: number; readonly claim: number }
  | { readonly kind: 'commit'; readonly claim: number; readonly to: number };
/** What each claim says of itself whenever it commits. */
interface Claim {
  readonly ordinal: number;
  readonly from: number;
}

const OFFSETS = ROUNDS * 4;
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('rows' as const), round: fc.nat(ROUNDS - 1), claim: fc.nat(2) }),
    fc.record({ kind: fc.constant('commit' as const), claim: fc.nat(2), to: fc.nat(OFFSETS) }),
  ),
  { minLength: 3, maxLength: 8 },
);
const claims: fc.Arbitrary<Claim[]> = fc.array(fc.record({ ordinal: fc.nat(2), from: fc.nat(OFFSETS) }), { minLength: 3, maxLength: 3 });

const commitOf = (key: PartitionKey, claim: number, { ordinal, from }: Claim, to: number): CommitRow => ({
  ...key,
  claim: claimOf(claim),
  ordinal,
  from,
  to,
  round_hash: hashOf(to),
});

async function apply(
  store: LedgerStore,
  key: PartitionKey,
  rounds: readonly SealedRound[],
  step: Step,
  said: readonly Claim[],
): Promise<void> {
  const claim = claimOf(step.claim);
  if (step.kind === 'commit') {
    expect(await store.insertCommit(commitOf(key, step.claim, said[step.claim] as Claim, step.to))).toEqual({ kind: 'stored' });
    return;
  }
  const round = rounds[step.round] as SealedRound;
  for (const outcome of [
    await store.insertEntries(key, claim, round.batches),
    await store.insertManifests(key, claim, round.batches),
    await store.insertHeads(key, claim, headRows(round)),
    await store.insertRejected(key, claim, rejectedRows(key, round)),
    await store.insertDuplicates(key, claim, round.duplicates),
    await store.insertRound(roundRow(round)),
  ]) {
    expect(outcome).toEqual({ kind: 'stored' });
  }
}

/** Everything that a store answers of a partition. */
async function answers(store: LedgerStore, key: PartitionKey, rounds: readonly SealedRound[]): Promise<unknown> {
  const queries = [
    { partition: key },
    { partition: key, offsets: { from: 3, to: 9 } },
    { partition: key, tenant: 'acme', numbers: { from: 1, to: 4 } },
    { partition: key, log: rounds[0]?.heads[0]?.head.log ?? claimOf(0) },
  ];
  const header = rounds[0]?.batches[0]?.manifest.header;
  return {
    partitions: (await store.partitions()).filter(({ topic }) => topic === key.topic),
    commits: await store.commits(key),
    rounds: await rowsOf(store.rounds(key, { from: 0, to: 99 })),
    one: await Promise.all(rounds.map(({ hash }) => store.round(hash))),
    heads: await Promise.all([...TENANTS, 'nobody'].map((tenant) => store.head(key, tenant))),
    sizes: await rowsOf(store.logSizes(key)),
    unsealed: await store.unsealedCount(key),
    sequences: await Promise.all([...TENANTS, 'nobody'].map((tenant) => store.sequences(key, tenant))),
    sealed: header === undefined ? null : await store.sealedHeader(key, header),
    leaves: await rowsOf(store.batchLeaves(key, { from: 2, to: 99 })),
    lists: await Promise.all(
      queries.map(async (query) => ({
        entries: await rowsOf(store.entries(query)),
        manifests: await rowsOf(store.manifests(query)),
        heads: await rowsOf(store.heads(query)),
        rejected: await rowsOf(store.rejected(query)),
        duplicates: await rowsOf(store.duplicates(query)),
      })),
    ),
  };
}

describe('the engine', () => {
  it('answers as memory does, after the same inserts and commit rows in any order', async () => {
    await fc.assert(
      fc.asyncProperty(steps, claims, async (some, said) => {
        const { ledger, rounds } = sampleRounds(`same-${runs++}`, 'same');
        const memory = createMemoryLedgerStore({ page_rows_max: 3 });
        // A row that stands twice under one claim has no order of its own: each (round, claim) once.
        const distinct = [
          ...new Map(some.map((step) => [step.kind === 'rows' ? `${step.round}/${step.claim}` : JSON.stringify(step), step])).values(),
        ];
        for (const step of distinct) {
          await apply(memory, ledger.key, rounds, step, said);
          await apply(storeNow(), ledger.key, rounds, step, said);
        }
        expect(await answers(storeNow(), ledger.key, rounds)).toEqual(await answers(memory, ledger.key, rounds));
      }),
      { numRuns: 12 },
    );
  });

  it('intervals in SQL are those of the specification, merged or not', async () => {
    const rows = fc.array(fc.record({ claim: fc.nat(5), to: fc.nat(30) }), { minLength: 1, maxLength: 12 });
    const said = fc.array(fc.record({ ordinal: fc.nat(3), from: fc.nat(20) }), { minLength: 6, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(rows, said, fc.boolean(), async (some, claimsSay, merge) => {
        const key = { topic: `intervals-${runs++}`, incarnation: 1, partition: 0 };
        const commits = some.map(({ claim, to }) => commitOf(key, claim, claimsSay[claim] as Claim, to));
        for (const row of commits) expect((await storeNow().insertCommit(row)).kind).toBe('stored');
        if (merge) await storeNow().alterUnguarded('OPTIMIZE TABLE commits FINAL');
        const { rows: found } = await storeNow().select(
          `SELECT claim, ordinal, \`from\`, \`to\` FROM intervals WHERE topic = '${key.topic}' ORDER BY ordinal, claim`,
        );
        const wanted = visibleIntervals(commits).map(({ claim, ordinal, from, to }) => ({
          claim: Buffer.from(claim).toString('hex'),
          ordinal,
          from,
          to,
        }));
        expect(found).toEqual(wanted);
      }),
      { numRuns: 15 },
    );
  });

  it('audit_events shows what the port shows', async () => {
    // Claims are random in the field; here each run has claims that no other uses.
    await fc.assert(
      fc.asyncProperty(steps, claims, fc.integer({ min: 3, max: 2 ** 32 - 1 }), async (some, said, salt) => {
        const { ledger, rounds } = sampleRounds(`events-${runs++}`, 'events');
        const own = (n: number): Uint8Array => {
          const claim = new Uint8Array(16).fill(n);
          new DataView(claim.buffer).setUint32(0, salt);
          new DataView(claim.buffer).setUint32(4, runs);
          return claim;
        };
        for (const step of some) {
          const claim = own(step.claim);
          if (step.kind === 'rows') await storeNow().insertEntries(ledger.key, claim, (rounds[step.round] as SealedRound).batches);
          else await storeNow().insertCommit({ ...commitOf(ledger.key, 0, said[step.claim] as Claim, step.to), claim });
        }
        const { rows } = await storeNow().select(
          `SELECT entry, offset, leaf_hash FROM audit_events WHERE topic = '${ledger.key.topic}' ORDER BY tenant, log, entry, offset`,
        );
        const shown = await rowsOf(storeNow().entries({ partition: ledger.key }));
        expect(rows).toEqual(
          shown.map(({ entry, offset, leaf_hash }) => ({ entry, offset, leaf_hash: Buffer.from(leaf_hash).toString('hex') })),
        );
      }),
      { numRuns: 12 },
    );
  });
});
