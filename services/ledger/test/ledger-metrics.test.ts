import type { EventLogReader } from '@sealtrail/event-log';
import { LedgerStoreError } from '@sealtrail/ledger-store';
import { createMetrics, tellAll } from '@sealtrail/service-runtime';
import { describe, expect, it } from 'vitest';
import { ledgerMetrics } from '../src/ledger-metrics.ts';
import { watchPartitions } from '../src/partition-watch.ts';

const key = { topic: 'audit.events', incarnation: 1, partition: 3 };
const facts = { from: 0, to: 10, batches: 8, entries: 800, duplicates: 1, rejected: ['malformed'], recorded_at: 1, duration_ms: 40 };
const readerAt = (end: number): EventLogReader => ({
  bounds: async () => ({ start: 0, end }),
  read: async () => ({ kind: 'records', records: [] }),
  close: async () => undefined,
});

async function setUp() {
  const metrics = createMetrics({ process_metrics: false });
  let now_ms = 1_000_000;
  const watch = watchPartitions(metrics, () => now_ms);
  const events = tellAll([ledgerMetrics(metrics), watch.events]);
  return {
    watch,
    events,
    passes: (ms: number): void => void (now_ms += ms),
    /** Value of a metric by its line's beginning. */
    value: async (line: string): Promise<number | null> => {
      const { body } = await metrics.render();
      const found = body.split('\n').find((candidate) => candidate.startsWith(`${line} `));
      return found === undefined ? null : Number(found.slice(line.length));
    },
  };
}
const place = '{topic="audit.events",partition="3"}';

describe('metrics of the ledger', () => {
  it('count what was sealed and what was not', async () => {
    const { events, value } = await setUp();
    events.sealed(key, facts);
    events.waiting(key, 'inserting entries', new Error('x'));
    events.halted(key, { code: 'round_missing', message: 'm' });
    expect(await value(`sealtrail_ledger_entries_total${place}`)).toBe(800);
    expect(await value(`sealtrail_ledger_rejected_total{reason="malformed"}`)).toBe(1);
    expect(await value(`sealtrail_ledger_sealed_offset${place}`)).toBe(10);
    expect(await value(`sealtrail_ledger_waits_total{step="inserting entries"}`)).toBe(1);
    expect(await value(`sealtrail_ledger_halts_total{code="round_missing",partition="3"}`)).toBe(1);
    expect(await value('sealtrail_ledger_round_seconds_bucket{le="0.05"}')).toBe(1);
  });

  it('tell the lag, and an age only while records wait', async () => {
    const { events, watch, value, passes } = await setUp();
    events.recovered(key, { offset: 5, rounds_checked: 2, rounds_rebuilt: 0 });
    passes(60_000);
    await watch.look(readerAt(5));
    expect(await value(`sealtrail_ledger_lag_records${place}`)).toBe(0);
    expect(await value(`sealtrail_ledger_last_seal_age_seconds${place}`)).toBe(0);
    passes(7_000);
    await watch.look(readerAt(25));
    expect(await value(`sealtrail_ledger_lag_records${place}`)).toBe(20);
    expect(await value(`sealtrail_ledger_last_seal_age_seconds${place}`)).toBe(7);
    events.sealed(key, { ...facts, to: 25 });
    await watch.look(readerAt(25));
    expect(await value(`sealtrail_ledger_last_seal_age_seconds${place}`)).toBe(0);
    events.lost(key);
    expect(await value(`sealtrail_ledger_lag_records${place}`)).toBeNull();
  });
});

describe('readiness of the ledger', () => {
  it('fails until the log was reached, and again when that was long ago', async () => {
    const { watch, passes } = await setUp();
    expect(watch.reached(15_000)).toEqual({ kind: 'failing', reason: 'the log was not reached yet' });
    await watch.look(readerAt(0));
    expect(watch.reached(15_000)).toEqual({ kind: 'ok' });
    passes(16_000);
    expect(watch.reached(15_000)).toEqual({ kind: 'failing', reason: 'the log was last reached 16 s ago' });
  });

  it('fails while a partition waits for longer than a moment, and no longer once it goes on', async () => {
    const { watch, events, passes } = await setUp();
    const away = new LedgerStoreError('store_unavailable', 'the server cannot be reached');
    events.claimEnded(key, away);
    passes(9_000);
    events.claimEnded(key, away);
    expect(watch.waits()).toEqual({ kind: 'ok' });
    passes(3_000);
    events.waiting(key, 'publishing the checkpoint', away);
    expect(watch.waits()).toEqual({ kind: 'failing', reason: 'partition 3: store_unavailable for 12 s' });
    events.sealed(key, facts);
    expect(watch.waits()).toEqual({ kind: 'ok' });
  });

  it('forgets a wait that nothing was told of for long: what failed then is not tried any more', async () => {
    const { watch, events, passes } = await setUp();
    const away = new Error('m');
    events.waiting(key, 'reading the event log', away);
    passes(20_000);
    events.waiting(key, 'reading the event log', away);
    expect(watch.waits()).toEqual({ kind: 'failing', reason: 'partition 3: not_agreed for 20 s' });
    passes(60_000);
    expect(watch.waits()).toEqual({ kind: 'ok' });
    events.waiting(key, 'reading the event log', away);
    expect(watch.waits()).toEqual({ kind: 'ok' });
  });

  it.each(['recovered', 'checkpointed', 'halted', 'lost'] as const)('no longer waits once it is told of as %s', async (told) => {
    const { watch, events, passes } = await setUp();
    events.waiting(key, 'w', new Error('m'));
    passes(11_000);
    events.waiting(key, 'w', new Error('m'));
    expect(watch.waits().kind).toBe('failing');
    if (told === 'recovered') events.recovered(key, { offset: 5, rounds_checked: 2, rounds_rebuilt: 0 });
    if (told === 'checkpointed') events.checkpointed(key, { size: 1, to: 5 });
    if (told === 'halted') events.halted(key, { code: 'round_missing', message: 'm' });
    if (told === 'lost') events.lost(key);
    expect(watch.waits()).toEqual({ kind: 'ok' });
  });

  it('fails while a partition of this member is halted, and no longer once it is given up', async () => {
    const { watch, events } = await setUp();
    events.halted(key, { code: 'round_missing', message: 'm' });
    expect(watch.halts()).toEqual({ kind: 'failing', reason: 'partition 3: round_missing' });
    events.lost(key);
    expect(watch.halts()).toEqual({ kind: 'ok' });
  });
});
