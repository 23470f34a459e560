/** A server that is killed while rows come in: what it acknowledged is there, and of the rest all of an insert or nothing. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { forkClickHouse } from '@sealtrail/chdb-http';
import type { InsertOutcome } from '@sealtrail/ledger-store';
import { commitRow, createSampleLedger, stored } from '@sealtrail/ledger-store/samples';
import type { SealedRound } from '@sealtrail/seal';
import { expect, it } from 'vitest';
import { openClickHouseStore } from '../src/index.ts';
import { ADMIN, rowsOf } from './served.ts';

const CRASHES = 4;
const EVENTS = 200;

it('after each kill -9 the store goes on at the same address, and no insert was taken for stored that is not', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'sealtrail-crash-'));
  const claim = new Uint8Array(16).fill(7);
  const ledger = createSampleLedger();
  let server = await forkClickHouse({ dir });
  const { url } = server;
  const store = await openClickHouseStore({ url, ...ADMIN, unreachable_wait_ms: 30_000 });
  const outcomes: { readonly round: SealedRound; readonly outcome: InsertOutcome }[] = [];
  try {
    for (let crash = 0; crash < CRASHES; crash++) {
      let isUp = true;
      const inserting = (async () => {
        // One that begins while the server is away waits for it: nothing of it has arrived.
        while (isUp) {
          const round = ledger.round({ tenant: 'acme', events: EVENTS });
          outcomes.push({ round, outcome: await store.insertEntries(ledger.key, claim, round.batches) });
        }
      })();
      // Some have to come in first; then at another moment of the next one each time.
      const enough = outcomes.length + 3;
      while (outcomes.length < enough) await new Promise((resolve) => setTimeout(resolve, 5));
      await new Promise((resolve) => setTimeout(resolve, 7 * crash));
      await server.kill();
      isUp = false;
      server = await forkClickHouse({ dir, port: Number(new URL(url).port) });
      await inserting;
    }
    const last = ledger.round({ tenant: 'acme', events: 1 });
    await stored(store.insertCommit(commitRow(ledger.key, claim, 0, 0, last)));
    const counts = new Map<number, number>();
    for (const { offset } of await rowsOf(store.entries({ partition: ledger.key }))) counts.set(offset, (counts.get(offset) ?? 0) + 1);
    const seen = outcomes.map(({ round, outcome }) => ({
      kind: outcome.kind,
      rows: counts.get(round.batches[0]?.manifest.offset ?? -1) ?? 0,
    }));
    expect(seen.filter(({ kind, rows }) => kind === 'stored' && rows !== EVENTS)).toEqual([]);
    expect(seen.filter(({ kind, rows }) => kind === 'in_doubt' && rows !== 0 && rows !== EVENTS)).toEqual([]);
    expect(seen.filter(({ kind }) => kind === 'stored').length).toBeGreaterThan(CRASHES);
  } finally {
    await store.close();
    await server.close();
    await rm(dir, { recursive: true, force: true });
  }
});
