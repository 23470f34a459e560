import { frontierRoot, rootOfLeaves } from '@sealtrail/merkle';
import { sha256 as nodeSha256 } from '@sealtrail/merkle/node';
import { duplicateCodec, headCodec, manifestCodec, rejectionCodec, roundCodec } from '@sealtrail/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sealRound } from '../src/index.ts';
import { examineAll, inputFor, sealAll } from './fixtures/ledger.ts';
import { expectedVerdicts, recordsOf, type Step, schedule, verdictsOf } from './fixtures/schedule.ts';
import { fresh, registry } from './fixtures/world.ts';

const sha256 = nodeSha256();

describe('sealing', () => {
  it('gives each record the one verdict that a list of everything sealed gives, in rounds of any sizes', () => {
    fc.assert(
      fc.property(schedule, ({ steps, sizes }) => {
        const { rounds } = sealAll(fresh(), recordsOf(steps), sizes);
        expect(verdictsOf(rounds)).toEqual(expectedVerdicts(steps));
      }),
      { numRuns: 60 },
    );
  });

  it('gives the same logs whatever the rounds, and each root from its leaves', () => {
    fc.assert(
      fc.property(schedule, ({ steps, sizes }) => {
        const records = recordsOf(steps);
        const { ledger, rounds } = sealAll(fresh(), records, sizes);
        const whole = sealAll(fresh(), records, []);
        const batches = rounds.flatMap((round) => round.batches);
        expect(batches.map(({ manifest_bytes }) => manifest_bytes)).toEqual(
          whole.rounds.flatMap((round) => round.batches).map(({ manifest_bytes }) => manifest_bytes),
        );
        expect(ledger.tenants).toEqual(whole.ledger.tenants);
        for (const [tenant, state] of ledger.tenants) {
          const own = batches.filter(({ batch }) => batch.header.tenant === tenant);
          let entries = 0;
          let previous = new Uint8Array(32);
          own.forEach(({ manifest, manifest_bytes, manifest_hash, batch }, position) => {
            expect(manifest).toEqual(manifestCodec().decode(manifest_bytes));
            expect(manifest).toMatchObject({ position, first_entry: entries, previous, log: state.log, predecessor: null });
            entries += batch.header.count;
            previous = manifestCodec().leafHash(sha256, manifest_bytes) as Uint8Array<ArrayBuffer>;
            expect(manifest_hash).toEqual(previous);
          });
          expect(state).toMatchObject({ size: own.length, entries, last: previous });
          const leaves = Buffer.concat(own.map(({ manifest_hash }) => manifest_hash));
          expect(frontierRoot(sha256, state.frontier)).toEqual(rootOfLeaves(sha256, leaves, own.length));
        }
        const operator = Buffer.concat(rounds.map(({ hash }) => hash));
        expect(frontierRoot(sha256, ledger.state.operator)).toEqual(rootOfLeaves(sha256, operator, rounds.length));
      }),
      { numRuns: 40 },
    );
  });

  it('is the same again for the same bytes, and changes nothing that it was given', () => {
    fc.assert(
      fc.property(schedule, fc.nat(20), ({ steps }, cut) => {
        fc.pre(steps.length > 1);
        const records = recordsOf(steps);
        const { ledger } = sealAll(fresh(), records.slice(0, cut % records.length), []);
        const rest = records.slice(cut % records.length);
        if (rest.length === 0) return;
        const input = inputFor(ledger, examineAll(ledger, rest));
        const before = structuredClone({
          state: input.state,
          tenants: input.tenants,
          headers: input.sealedHeaders,
          records: rest,
          registry: registry.records,
        });
        const first = sealRound(input);
        const { state, tenants, sealedHeaders } = input;
        expect({ state, tenants, headers: sealedHeaders, records: rest, registry: registry.records }).toEqual(before);
        const again = sealRound(inputFor(ledger, examineAll(ledger, structuredClone(rest))));
        expect(again.bytes).toEqual(first.bytes);
        expect(again.next).toEqual(first.next);
      }),
      { numRuns: 40 },
    );
  });

  it('chains the rounds, and binds what each of them did', () => {
    const steps: Step[] = Array.from({ length: 12 }, (_, i) => ({
      kind: 'batch',
      tenant: i % 3 === 0 ? 'umbrella' : 'acme',
      life: i % 2,
      sequence: i >> 1,
      variant: i % 5 === 4 ? 1 : 0,
      count: 1,
      critical: false,
    }));
    const records = recordsOf([...steps, ...steps.slice(0, 4), { kind: 'bad', which: 1 }]);
    const { rounds } = sealAll(fresh(), records, [3, 4, 5]);
    let previous: Uint8Array = new Uint8Array(32);
    let from = 0;
    rounds.forEach((round, index) => {
      expect(round.round).toEqual(roundCodec().decode(round.bytes));
      const last = records[round.round.to - 1]?.value as Uint8Array;
      expect(round.round).toMatchObject({
        version: 1,
        rules_version: 1,
        topic: 'audit.events',
        incarnation: 1,
        partition: 0,
        index,
        from,
        previous,
        record_hash: sha256.digest(last),
        heads: round.heads.length,
        rejected: round.rejected.length,
        duplicates: round.duplicates.length,
        registry_size: registry.size,
        registry_root: registry.root,
      });
      const rootOf = (leaves: readonly Uint8Array[]): Uint8Array => rootOfLeaves(sha256, Buffer.concat(leaves), leaves.length);
      expect(round.round.heads_root).toEqual(rootOf(round.heads.map(({ head }) => headCodec().leafHash(sha256, headCodec().encode(head)))));
      expect(round.round.rejected_root).toEqual(
        rootOf(round.rejected.map(({ rejection }) => rejectionCodec().leafHash(sha256, rejectionCodec().encode(rejection)))),
      );
      expect(round.round.duplicates_root).toEqual(
        rootOf(round.duplicates.map(({ duplicate }) => duplicateCodec().leafHash(sha256, duplicateCodec().encode(duplicate)))),
      );
      const logs = round.heads.map(({ head }) => Buffer.from(head.log).toString('hex'));
      expect(logs).toEqual(logs.toSorted());
      previous = roundCodec().leafHash(sha256, round.bytes);
      expect(round.hash).toEqual(previous);
      from = round.round.to;
    });
    expect(from).toBe(records.length);
    expect(rounds.flatMap((round) => round.duplicates).length).toBeGreaterThan(0);
    expect(rounds.flatMap((round) => round.rejected).length).toBeGreaterThan(0);
  });
});
