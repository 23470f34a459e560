/**
 * What the walk accepts, the store's columns keep: mutants of events that are still canonical go through the real engine,
 * with its CHECK, and come back byte for byte. That a million mutants of events and batches crash nothing, that what is
 * accepted is canonical, and that the walk is linear stands in packages/wire/test/mutation.test.ts.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commitRow, createSampleLedger, stored, storeRows } from '@sealtrail/ledger-store/samples';
import { openChdbStore } from '@sealtrail/store-chdb';
import { type AuditEvent, currentEventSchema, type WalkFault } from '@sealtrail/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { auditEvent } from '../../packages/wire/test/arbitraries.ts';
import { MUTATIONS } from '../../packages/wire/test/mutate.ts';
import { naiveReader } from '../../packages/wire/test/naive.ts';
import { createRandom, seedOfRun } from '../../packages/wire/test/random.ts';
import { publishedSchema } from '../../packages/wire/test/reference.ts';

const ACCEPTED = process.env['SOAK'] === undefined ? 50_000 : 1_000_000;
const EVENTS_A_BATCH = 256;
/** A batch is at most 512 KiB. */
const BATCH_EVENT_BYTES_MAX = 400_000;

const schema = currentEventSchema();
const seed = seedOfRun();

/** Mutants that the walk accepts and that are not what they were made from. */
function* acceptedMutants(count: number): Generator<Uint8Array> {
  const random = createRandom(seed);
  const read = naiveReader(publishedSchema('audit-event'));
  const room = Buffer.alloc(65_536);
  const specimens = fc.sample(auditEvent, { seed, numRuns: 300 }).map((event) => {
    const bytes = Buffer.from(room.subarray(0, schema.encode(event, room, 0)));
    const reading = read(bytes, 0);
    if (reading === null) throw new Error('a specimen must be canonical');
    return { bytes, reading };
  });
  const mutations = Object.values(MUTATIONS);
  const ends = new Uint32Array(3);
  const fault: WalkFault = { reason: 'malformed', detail: '' };
  for (let found = 0; found < count; ) {
    const specimen = random.pick(specimens);
    const mutant = random.pick(mutations)(random, specimen, random.pick(specimens));
    if (schema.walk(mutant, 0, mutant.length, ends, 0, fault) !== mutant.length) continue;
    if (Buffer.compare(mutant, specimen.bytes) === 0) continue;
    found++;
    yield mutant;
  }
}

describe('mutants that the walk accepts', () => {
  it(`come back from the store's columns as they were: ${ACCEPTED} of them (SEED=${seed})`, async () => {
    const dir = await mkdtemp(join(tmpdir(), 'sealtrail-mutants-'));
    const store = await openChdbStore({ dir });
    try {
      const ledger = createSampleLedger();
      const claim = new Uint8Array(16).fill(7);
      const wanted: Uint8Array[] = [];
      const batches: AuditEvent[][] = [[]];
      let bytes = 0;
      for (const mutant of acceptedMutants(ACCEPTED)) {
        let batch = batches.at(-1) as AuditEvent[];
        if (batch.length >= EVENTS_A_BATCH || bytes + mutant.length > BATCH_EVENT_BYTES_MAX) {
          batch = [];
          batches.push(batch);
          bytes = 0;
        }
        batch.push(schema.decode(mutant, 0, mutant.length));
        bytes += mutant.length;
        wanted.push(mutant);
      }
      const round = ledger.round(...batches.map((events) => ({ tenant: 'acme', events })));
      expect(round.rejected).toEqual([]);
      await storeRows(store, ledger.key, claim, round);
      await stored(store.insertCommit(commitRow(ledger.key, claim, 0, 0, round)));
      let entry = 0;
      for await (const page of store.entries({ partition: ledger.key, tenant: 'acme' })) {
        for (const row of page) {
          const given = Buffer.from(row.bytes ?? new Uint8Array()).toString('hex');
          expect(given, `entry ${entry}`).toBe(Buffer.from(wanted[entry] ?? new Uint8Array()).toString('hex'));
          entry++;
        }
      }
      expect(entry).toBe(ACCEPTED);
      expect((await store.select('SELECT * FROM verify_entries')).rows).toEqual([]);
    } finally {
      await store.close();
      await rm(dir, { recursive: true, force: true });
    }
  }, 300_000);
});
